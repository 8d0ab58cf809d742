// The job within the words between controller and worker, and what all of them are made of.
#include "worker/protocol_json.hpp"

#include <algorithm>

namespace miraclemax::worker {

using nlohmann::json;

void must_be_a_name(const std::string& name) {
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
        name.find('\0') != std::string::npos)
        throw Nonsense{"the component is no file name"};
}

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

bool truth_of(const json& object, const char* name) {
    const json& value = object.at(name);
    if (!value.is_boolean())
        throw Nonsense{std::string(name) + " is neither true nor false"};
    return value.get<bool>();
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
            {"aead", job.aead},
            {"frozen", job.frozen},
            {"folder", to_hex(job.folder.native())}};
}

Job to_job(const json& object) {
    only(object, {"component", "root", "exclude", "trusted_xattrs", "compression", "level", "threads",
                  "keyring", "fingerprints", "passphrase", "aead", "frozen", "folder"});
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
    job.aead = truth_of(object, "aead");
    job.frozen = truth_of(object, "frozen");
    job.folder = bytes_of(object, "folder");
    return job;
}

} // namespace miraclemax::worker
