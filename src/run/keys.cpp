#include "run/keys.hpp"

#include "error.hpp"

#include <algorithm>
#include <system_error>

namespace miraclemax::run {
namespace {

namespace fs = std::filesystem;

bool looks_like_key(const fs::path& file) {
    static const std::vector<std::string> endings{".asc", ".gpg", ".pgp", ".pub", ".key"};
    return std::find(endings.begin(), endings.end(), file.extension()) != endings.end();
}

// A folder stands for the key files in it, in order of name. Only the default folder may be missing or empty,
// when the user mounts none: a folder that is configured and holds no key must not mean "not encrypted".
constexpr const char* default_folder = "/keys";

std::vector<fs::path> expand(const std::vector<fs::path>& places, std::vector<std::string>& problems) {
    std::vector<fs::path> files;
    for (const auto& place : places) {
        std::error_code trouble;
        if (!fs::is_directory(place, trouble)) {
            if (fs::exists(place, trouble))
                files.push_back(place);
            else if (place != default_folder || (trouble && trouble != std::errc::no_such_file_or_directory))
                problems.push_back(place.string() + ", which should hold keys, can't be found");
            continue;
        }
        std::vector<fs::path> found;
        for (const auto& entry : fs::directory_iterator(place, trouble))
            if (looks_like_key(entry.path()) && entry.is_regular_file(trouble))
                found.push_back(entry.path());
        if (trouble)
            problems.push_back("key folder " + place.string() + ": " + trouble.message());
        if (found.empty() && !trouble && place != default_folder)
            problems.push_back("key folder " + place.string() +
                               " holds no key (*.asc, *.gpg, *.pgp, *.pub, *.key)");
        std::sort(found.begin(), found.end());
        files.insert(files.end(), found.begin(), found.end());
    }
    return files;
}

void judge(Keys& keys) {
    for (const auto& state : keys.recipients) {
        if (state.fault == openpgp::Fault::none)
            keys.fingerprints.push_back(state.fingerprint);
        else
            keys.problems.push_back("recipient " + state.wanted +
                                    (state.owner.empty() ? "" : " (" + state.owner + ")") + " " +
                                    openpgp::sentence(state.fault));
    }
}

} // namespace

Keys load_keys(const Settings& settings) {
    Keys keys{.passphrase = settings.passphrase};
    if (settings.aead && !openpgp::makes_ocb())
        keys.problems.emplace_back("encryption.aead needs gpg 2.4 or later, which is not here");
    if (!settings.passphrase.empty()) {
        keys.configured = true;
        if (!settings.recipients.empty())
            keys.problems.emplace_back("both recipients and a passphrase are configured: keep one of them");
        return keys;
    }
    const auto files = expand(settings.key_files, keys.problems);
    keys.configured = !files.empty() || !settings.recipients.empty() || !keys.problems.empty();
    if (!keys.configured)
        return keys;
    try {
        const openpgp::Home home;
        const auto found = openpgp::import_keys(home, files);
        keys.recipients =
            openpgp::inspect_keys(home, settings.recipients.empty() ? found : settings.recipients);
        if (keys.recipients.empty() && keys.problems.empty())
            keys.problems.emplace_back("the key files hold no key");
        judge(keys);
        if (keys.problems.empty())
            keys.keyring = openpgp::export_keys(home, keys.fingerprints);
    } catch (const Error& error) {
        keys.problems.push_back(error.whole());
    }
    return keys;
}

} // namespace miraclemax::run
