// The jobs of a restore, and what its workers count, within the words between controller and worker.
#include "worker/protocol_json.hpp"

#include "worker/protocol.hpp"

#include <algorithm>
#include <array>

namespace miraclemax::worker {

namespace {

using nlohmann::json;

constexpr std::size_t room_for_names = longest_reply / 2; // bytes of hex digits and what stands around them

constexpr std::array<const char*, 8> settlings{"settle", "exchange", "discard", "make_folder",
                                               "room",   "empty",    "sweep",   "abandon"};

json of_site(const archive::Site& site) {
    return {{"root", to_hex(site.root.native())},
            {"single", site.single},
            {"run", to_hex(site.run)},
            {"only", to_hex(site.only)}};
}

archive::Site to_site(const json& object) {
    only(object, {"root", "single", "run", "only"});
    archive::Site site;
    site.root = bytes_of(object, "root");
    site.single = truth_of(object, "single");
    site.run = bytes_of(object, "run");
    site.only = bytes_of(object, "only");
    return site;
}

json of_promise(const archive::Promise& promise) {
    return {{"prefix", promise.prefix}, {"single", promise.single},     {"entries", promise.entries},
            {"files", promise.files},   {"tar_size", promise.tar_size}, {"tar_sha256", promise.tar_sha256}};
}

archive::Promise to_promise(const json& object) {
    only(object, {"prefix", "single", "entries", "files", "tar_size", "tar_sha256"});
    archive::Promise promise;
    promise.prefix = text_of(object, "prefix");
    must_be_a_name(promise.prefix);
    promise.single = truth_of(object, "single");
    promise.entries = number_of<std::uint64_t>(object, "entries");
    promise.files = number_of<std::uint64_t>(object, "files");
    promise.tar_size = number_of<std::uint64_t>(object, "tar_size");
    promise.tar_sha256 = text_of(object, "tar_sha256");
    if (promise.tar_sha256.size() != 64)
        throw Nonsense{"tar_sha256 has not 64 digits"};
    std::for_each(promise.tar_sha256.begin(), promise.tar_sha256.end(), nibble);
    return promise;
}

json of_options(const archive::UnpackOptions& options) {
    return {{"only", to_hex(options.only)},
            {"trusted_xattrs", options.trusted_xattrs},
            {"selinux_labels", options.selinux_labels}};
}

archive::UnpackOptions to_options(const json& object) {
    only(object, {"only", "trusted_xattrs", "selinux_labels"});
    archive::UnpackOptions options;
    options.only = bytes_of(object, "only");
    options.trusted_xattrs = truth_of(object, "trusted_xattrs");
    options.selinux_labels = truth_of(object, "selinux_labels");
    return options;
}

} // namespace

json of_names(const std::vector<std::string>& names) {
    json array = json::array();
    for (const std::string& name : names)
        array.push_back(to_hex(name));
    return array;
}

std::vector<std::string> to_names(const json& array) {
    if (!array.is_array())
        throw Nonsense{"no list of names"};
    std::vector<std::string> names;
    for (const json& one : array)
        names.push_back(bytes_of({{"name", one}}, "name"));
    return names;
}

std::vector<std::string> those_that_fit(const std::vector<std::string>& names) {
    std::vector<std::string> some;
    std::size_t size = 0;
    for (const std::string& name : names) {
        size += 2 * name.size() + 3; // quotes and comma
        if (size > room_for_names)
            break;
        some.push_back(name);
    }
    return some;
}

json of_job(const DecryptJob& job) {
    return {{"component", job.component},
            {"keys", to_hex(job.keys)},
            {"key_passphrase", to_hex(job.key_passphrase)},
            {"passphrase", to_hex(job.passphrase)}};
}

DecryptJob to_decrypt_job(const json& object) {
    only(object, {"component", "keys", "key_passphrase", "passphrase"});
    DecryptJob job;
    job.component = text_of(object, "component");
    must_be_a_name(job.component);
    job.keys = bytes_of(object, "keys");
    job.key_passphrase = bytes_of(object, "key_passphrase");
    job.passphrase = bytes_of(object, "passphrase");
    return job;
}

json of_job(const UnpackJob& job) {
    return {{"promise", of_promise(job.promise)},
            {"compression", name_of(job.compression)},
            {"store", job.store},
            {"emptied", job.emptied},
            {"options", of_options(job.options)},
            {"content", job.content},
            {"site", of_site(job.site)}};
}

UnpackJob to_unpack_job(const json& object) {
    only(object, {"promise", "compression", "store", "emptied", "options", "content", "site"});
    UnpackJob job;
    job.promise = to_promise(object.at("promise"));
    const auto compression = compression_from(text_of(object, "compression"));
    if (!compression)
        throw Nonsense{"unknown compression"};
    job.compression = *compression;
    job.store = truth_of(object, "store");
    job.emptied = truth_of(object, "emptied");
    job.options = to_options(object.at("options"));
    job.content = number_of<std::uint64_t>(object, "content");
    job.site = to_site(object.at("site"));
    return job;
}

json of_job(const SettleJob& job) {
    return {{"component", job.component},
            {"what", settlings.at(static_cast<std::size_t>(job.what))},
            {"site", of_site(job.site)},
            {"folder", to_hex(job.folder)}};
}

SettleJob to_settle_job(const json& object) {
    only(object, {"component", "what", "site", "folder"});
    SettleJob job;
    job.component = text_of(object, "component");
    must_be_a_name(job.component);
    const auto what = std::find(settlings.begin(), settlings.end(), text_of(object, "what"));
    if (what == settlings.end())
        throw Nonsense{"unknown settling"};
    job.what = static_cast<Settling>(what - settlings.begin());
    job.site = to_site(object.at("site"));
    job.folder = bytes_of(object, "folder");
    return job;
}

json of_unpacked(const archive::Unpacked& unpacked) {
    return {{"entries", unpacked.entries},
            {"files", unpacked.files},
            {"bytes", unpacked.bytes},
            {"unpacked", unpacked.unpacked},
            {"devices", unpacked.withheld.devices},
            {"owners", unpacked.withheld.owners},
            {"attributes", unpacked.withheld.attributes},
            {"names", of_names(those_that_fit(unpacked.names))}};
}

archive::Unpacked to_unpacked(const json& object) {
    only(object, {"entries", "files", "bytes", "unpacked", "devices", "owners", "attributes", "names"});
    archive::Unpacked unpacked;
    unpacked.entries = number_of<std::uint64_t>(object, "entries");
    unpacked.files = number_of<std::uint64_t>(object, "files");
    unpacked.bytes = number_of<std::uint64_t>(object, "bytes");
    unpacked.unpacked = number_of<std::uint64_t>(object, "unpacked");
    unpacked.withheld.devices = number_of<std::uint64_t>(object, "devices");
    unpacked.withheld.owners = number_of<std::uint64_t>(object, "owners");
    unpacked.withheld.attributes = number_of<std::uint64_t>(object, "attributes");
    unpacked.names = to_names(object.at("names"));
    return unpacked;
}

} // namespace miraclemax::worker
