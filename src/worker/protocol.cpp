#include "worker/protocol.hpp"

#include "worker/protocol_json.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace miraclemax::worker {

namespace {

using nlohmann::json;

// Of an error's message, and of its remedy: a line of replies must hold both, each byte escaped as \u00XX.
constexpr std::size_t longest_text = 4096;

struct Count {
    const char* name;
    std::uint64_t archive::Tally::*member;
};
constexpr std::array<Count, 9> counts{{
    {"entries", &archive::Tally::entries},
    {"files", &archive::Tally::files},
    {"bytes", &archive::Tally::bytes},
    {"changed", &archive::Tally::changed},
    {"vanished", &archive::Tally::vanished},
    {"unreadable", &archive::Tally::unreadable},
    {"skipped", &archive::Tally::skipped},
    {"elsewhere", &archive::Tally::elsewhere},
    {"excluded", &archive::Tally::excluded},
}};

constexpr std::array<std::string_view, 3> holdings{"old", "new", "unknown"}; // as archive::Holds has them

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

// What a worker says of itself must not be taken for what only a whole run can say: that it was interrupted,
// or that containers still stand.
ExitCode code_of_worker(ExitCode code) {
    switch (code) {
    case ExitCode::usage:
    case ExitCode::incomplete:
    case ExitCode::nothing:
    case ExitCode::busy:
    case ExitCode::not_released:
    case ExitCode::interrupted:
    case ExitCode::untrusted:
    case ExitCode::unhealthy:
        return ExitCode::failed;
    default:
        return code;
    }
}

Failure to_failure(const json& object) {
    only(object, {"code", "message", "remedy"});
    const auto code = number_of<int>(object, "code", static_cast<int>(ExitCode::unhealthy));
    if (code == 0)
        throw Nonsense{"an error without a code"};
    return {.code = code_of_worker(static_cast<ExitCode>(code)),
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
json of_request(const DecryptOrder& order) {
    json hidden = json::array();
    for (const auto& folder : order.hidden)
        hidden.push_back(to_hex(folder.native()));
    return {{"decrypt", of_job(order.job)}, {"home", to_hex(order.home.native())}, {"hide", hidden}};
}
json of_request(const UnpackOrder& order) {
    return {{"unpack", of_job(order.job)}};
}
json of_request(const SettleOrder& order) {
    return {{"settle", of_job(order.job)}};
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
json of_reply(const Alive& alive) {
    return {{"alive", alive.moved}};
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
json of_reply(const Unpacking& unpacking) {
    archive::Unpacked without = unpacking.so_far;
    without.names.clear();
    return {{"unpacking", of_unpacked(without)}};
}
json of_reply(const archive::Unpacked& unpacked) {
    return {{"unpacked", of_unpacked(unpacked)}};
}
json of_reply(const Swapped& swapped) {
    return {{"swapped",
             {{"stayed", of_names(those_that_fit(swapped.stayed))}, {"keeps_old", swapped.keeps_old}}}};
}
json of_reply(const Settled& settled) {
    const auto& space = settled.space;
    return {{"settled",
             {{"holds", holdings.at(static_cast<std::size_t>(settled.holds))},
              {"bytes", space.bytes},
              {"inodes", space.inodes},
              {"device", space.device},
              {"empty", space.empty},
              {"strays", of_names(those_that_fit(settled.strays))}}}};
}
json of_reply(const Done&) {
    return {{"done", true}};
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
    if (object.is_object() && object.contains("decrypt")) {
        only(object, {"decrypt", "home", "hide"});
        DecryptOrder order{.job = to_decrypt_job(object.at("decrypt")), .home = bytes_of(object, "home")};
        for (std::string& folder : to_names(object.at("hide")))
            order.hidden.emplace_back(std::move(folder));
        return order;
    }
    if (object.is_object() && object.contains("unpack"))
        return UnpackOrder{to_unpack_job(only(object, {"unpack"}).at("unpack"))};
    if (object.is_object() && object.contains("settle"))
        return SettleOrder{to_settle_job(only(object, {"settle"}).at("settle"))};
    only(object, {"job", "home"});
    return Order{.job = to_job(object.at("job")), .home = bytes_of(object, "home")};
}

Settled to_settled(const json& object) {
    only(object, {"holds", "bytes", "inodes", "device", "empty", "strays"});
    const std::string word = text_of(object, "holds");
    const auto* const holds = std::find(holdings.begin(), holdings.end(), word);
    if (holds == holdings.end())
        throw Nonsense{"neither old nor new data"};
    return {.holds = static_cast<archive::Holds>(holds - holdings.begin()),
            .space = {.bytes = number_of<std::uint64_t>(object, "bytes"),
                      .inodes = number_of<std::uint64_t>(object, "inodes"),
                      .device = number_of<std::uint64_t>(object, "device"),
                      .empty = truth_of(object, "empty")},
            .strays = to_names(object.at("strays"))};
}

Swapped to_swapped(const json& object) {
    only(object, {"stayed", "keeps_old"});
    return {.stayed = to_names(object.at("stayed")), .keeps_old = truth_of(object, "keeps_old")};
}

Reply to_reply(const json& object) {
    if (!object.is_object() || object.size() != 1)
        throw Nonsense{"not one word"};
    const std::string word = object.begin().key();
    if (word == "hello")
        return Hello{number_of<int>(object, "hello")};
    if (word == "alive")
        return Alive{number_of<std::uint64_t>(object, "alive")};
    if (word == "progress")
        return to_tally(object.at(word));
    if (word == "result")
        return to_outcome(object.at(word));
    if (word == "unpacking")
        return Unpacking{to_unpacked(object.at(word))};
    if (word == "unpacked")
        return to_unpacked(object.at(word));
    if (word == "swapped")
        return to_swapped(object.at(word));
    if (word == "settled")
        return to_settled(object.at(word));
    if (word == "error")
        return to_failure(object.at(word));
    if (word != "ready" && word != "read" && word != "done")
        throw Nonsense{"unknown word"};
    must_be_true(object, word.c_str());
    if (word == "ready")
        return Ready{};
    if (word == "done")
        return Done{};
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
