#include "worker/protocol.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <set>

namespace miraclemax::worker {

namespace {

using nlohmann::json;

constexpr std::size_t longest_text = 8192; // of an error's message: a line of replies must hold it escaped

struct Count {
    const char* name;
    std::uint64_t archive::Tally::*member;
};
constexpr std::array<Count, 8> counts{{
    {"entries", &archive::Tally::entries},
    {"files", &archive::Tally::files},
    {"bytes", &archive::Tally::bytes},
    {"changed", &archive::Tally::changed},
    {"vanished", &archive::Tally::vanished},
    {"unreadable", &archive::Tally::unreadable},
    {"skipped", &archive::Tally::skipped},
    {"excluded", &archive::Tally::excluded},
}};

// What is wrong, in a word; the callers make an Error of it that says who wrote it.
struct Nonsense {
    std::string what;
};

std::string to_hex(const std::string& bytes) {
    constexpr const char* digits = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        text += digits[byte >> 4U];
        text += digits[byte & 15U];
    }
    return text;
}

unsigned nibble(char c) {
    if (c >= '0' && c <= '9')
        return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f')
        return static_cast<unsigned>(c - 'a') + 10U;
    throw Nonsense{"no hex digits"};
}

// An object that has these members and no others.
const json& only(const json& object, const std::set<std::string>& names) {
    if (!object.is_object() || object.size() != names.size())
        throw Nonsense{"wrong members"};
    for (const auto& item : object.items()) {
        if (names.count(item.key()) == 0)
            throw Nonsense{"unknown member"};
    }
    return object;
}

std::string text_of(const json& object, const char* name) {
    const json& value = object.at(name);
    if (!value.is_string())
        throw Nonsense{std::string(name) + " is no text"};
    return value.get<std::string>();
}

std::string bytes_of(const json& object, const char* name) {
    const std::string text = text_of(object, name);
    if (text.size() % 2 != 0)
        throw Nonsense{"no hex digits"};
    std::string bytes;
    bytes.reserve(text.size() / 2);
    for (std::size_t at = 0; at < text.size(); at += 2)
        bytes += static_cast<char>(nibble(text[at]) << 4U | nibble(text[at + 1]));
    return bytes;
}

template<class Number>
Number number_of(const json& object, const char* name, Number largest = std::numeric_limits<Number>::max()) {
    const json& value = object.at(name);
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > static_cast<std::uint64_t>(largest))
        throw Nonsense{std::string(name) + " is no number, or too large"};
    return static_cast<Number>(value.get<std::uint64_t>());
}

bool truth_of(const json& object, const char* name) {
    const json& value = object.at(name);
    if (!value.is_boolean())
        throw Nonsense{std::string(name) + " is neither true nor false"};
    return value.get<bool>();
}

void must_be_true(const json& object, const char* name) {
    if (!truth_of(only(object, {name}), name))
        throw Nonsense{std::string(name) + " is not true"};
}

json of_tally(const archive::Tally& tally) {
    json object = json::object();
    for (const Count& count : counts)
        object[count.name] = tally.*count.member;
    return object;
}

archive::Tally to_tally(const json& object) {
    std::set<std::string> names;
    for (const Count& count : counts)
        names.insert(count.name);
    only(object, names);
    archive::Tally tally;
    for (const Count& count : counts)
        tally.*count.member = number_of<std::uint64_t>(object, count.name);
    return tally;
}

json of_digest(const stream::Digest& digest) {
    return {{"sha256", digest.sha256}, {"size", digest.size}};
}

stream::Digest to_digest(const json& object) {
    only(object, {"sha256", "size"});
    stream::Digest digest;
    digest.sha256 = text_of(object, "sha256");
    digest.size = number_of<std::uint64_t>(object, "size");
    if (digest.sha256.size() != 64)
        throw Nonsense{"sha256 has not 64 digits"};
    for (const char c : digest.sha256)
        nibble(c);
    return digest;
}

json of_outcome(const Outcome& outcome) {
    return {{"archive", of_digest(outcome.archive)},
            {"inventory", of_digest(outcome.inventory)},
            {"report", of_digest(outcome.report)},
            {"tar", of_digest(outcome.tar)},
            {"tally", of_tally(outcome.tally)},
            {"root", {{"uid", outcome.root.uid}, {"gid", outcome.root.gid}, {"mode", outcome.root.mode}}}};
}

Outcome to_outcome(const json& object) {
    only(object, {"archive", "inventory", "report", "tar", "tally", "root"});
    const json& root = only(object.at("root"), {"uid", "gid", "mode"});
    Outcome outcome;
    outcome.archive = to_digest(object.at("archive"));
    outcome.inventory = to_digest(object.at("inventory"));
    outcome.report = to_digest(object.at("report"));
    outcome.tar = to_digest(object.at("tar"));
    outcome.tally = to_tally(object.at("tally"));
    outcome.root.uid = number_of<std::uint32_t>(root, "uid");
    outcome.root.gid = number_of<std::uint32_t>(root, "gid");
    outcome.root.mode = number_of<std::uint32_t>(root, "mode");
    return outcome;
}

json of_job(const Job& job) {
    json exclude = json::array();
    for (const std::string& pattern : job.exclude)
        exclude.push_back(to_hex(pattern));
    return {{"component", job.component},
            {"root", to_hex(job.root.native())},
            {"exclude", exclude},
            {"trusted_xattrs", job.trusted_xattrs},
            {"compression", name_of(job.compression)},
            {"level", static_cast<std::uint64_t>(std::max(job.level, 0))},
            {"threads", job.threads},
            {"keyring", to_hex(job.keyring)},
            {"fingerprints", job.fingerprints},
            {"passphrase", to_hex(job.passphrase)},
            {"folder", to_hex(job.folder.native())}};
}

// A component's name becomes the name of a file in the output folder (design: labels).
void must_be_a_name(const std::string& name) {
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
        name.find('\0') != std::string::npos)
        throw Nonsense{"the component is no file name"};
}

Job to_job(const json& object) {
    only(object, {"component", "root", "exclude", "trusted_xattrs", "compression", "level", "threads",
                  "keyring", "fingerprints", "passphrase", "folder"});
    Job job;
    job.component = text_of(object, "component");
    must_be_a_name(job.component);
    job.root = bytes_of(object, "root");
    for (std::size_t at = 0; at < object.at("exclude").size(); ++at)
        job.exclude.push_back(bytes_of({{"pattern", object.at("exclude").at(at)}}, "pattern"));
    job.trusted_xattrs = truth_of(object, "trusted_xattrs");
    const auto compression = compression_from(text_of(object, "compression"));
    if (!compression)
        throw Nonsense{"unknown compression"};
    job.compression = *compression;
    job.level = number_of<int>(object, "level", 100);
    job.threads = number_of<unsigned>(object, "threads", 4096);
    job.keyring = bytes_of(object, "keyring");
    for (std::size_t at = 0; at < object.at("fingerprints").size(); ++at)
        job.fingerprints.push_back(
            text_of({{"fingerprint", object.at("fingerprints").at(at)}}, "fingerprint"));
    job.passphrase = bytes_of(object, "passphrase");
    job.folder = bytes_of(object, "folder");
    return job;
}

Failure to_failure(const json& object) {
    only(object, {"code", "message", "remedy"});
    const auto code = number_of<int>(object, "code", static_cast<int>(ExitCode::interrupted));
    if (code == 0)
        throw Nonsense{"an error without a code"};
    return {.code = static_cast<ExitCode>(code),
            .message = text_of(object, "message"),
            .remedy = text_of(object, "remedy")};
}

json of_failure(const Failure& failure) {
    return {{"code", static_cast<unsigned>(failure.code)},
            {"message", failure.message.substr(0, longest_text)},
            {"remedy", failure.remedy.substr(0, longest_text)}};
}

json of_request(const Order& order) {
    return {{"job", of_job(order.job)}, {"home", to_hex(order.home.native())}};
}
json of_request(const Go&) {
    return {{"go", true}};
}

json of_reply(const Hello& hello) {
    return {{"hello", static_cast<unsigned>(hello.version)}};
}
json of_reply(const Ready&) {
    return {{"ready", true}};
}
json of_reply(const Alive&) {
    return {{"alive", true}};
}
json of_reply(const archive::Tally& tally) {
    return {{"progress", of_tally(tally)}};
}
json of_reply(const Read&) {
    return {{"read", true}};
}
json of_reply(const Outcome& outcome) {
    return {{"result", of_outcome(outcome)}};
}
json of_reply(const Failure& failure) {
    return {{"error", of_failure(failure)}};
}

std::string line_of(const json& object) {
    return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

Request to_request(const json& object) {
    if (object.is_object() && object.contains("go")) {
        must_be_true(object, "go");
        return Go{};
    }
    only(object, {"job", "home"});
    return Order{.job = to_job(object.at("job")), .home = bytes_of(object, "home")};
}

Reply to_reply(const json& object) {
    if (!object.is_object() || object.size() != 1)
        throw Nonsense{"not one word"};
    const std::string word = object.begin().key();
    if (word == "hello")
        return Hello{number_of<int>(object, "hello")};
    if (word == "progress")
        return to_tally(object.at(word));
    if (word == "result")
        return to_outcome(object.at(word));
    if (word == "error")
        return to_failure(object.at(word));
    if (word != "ready" && word != "alive" && word != "read")
        throw Nonsense{"unknown word"};
    must_be_true(object, word.c_str());
    if (word == "ready")
        return Ready{};
    if (word == "alive")
        return Alive{};
    return Read{};
}

template<class Parse> auto checked(const std::string& line, const char* who, Parse parse) {
    std::string what;
    try {
        return parse(json::parse(line));
    } catch (const Nonsense& nonsense) {
        what = nonsense.what;
    } catch (const json::exception&) {
        what = "not the JSON of the protocol";
    }
    throw Error(ExitCode::failed, std::string(who) + " wrote nonsense: " + what,
                "controller and worker must be the same version of miraclemax");
}

} // namespace

std::string encode(const Request& request) {
    return std::visit([](const auto& one) { return line_of(of_request(one)); }, request);
}

std::string encode(const Reply& reply) {
    return std::visit([](const auto& one) { return line_of(of_reply(one)); }, reply);
}

Request parse_request(const std::string& line) {
    return checked(line, "the controller", to_request);
}

Reply parse_reply(const std::string& line) {
    return checked(line, "the worker", to_reply);
}

} // namespace miraclemax::worker
