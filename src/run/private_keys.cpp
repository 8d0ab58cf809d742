#include "run/private_keys.hpp"

#include "error.hpp"
#include "openpgp/decryption.hpp"
#include "openpgp/protection.hpp"
#include "stream/file.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace miraclemax::run {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_key_file = std::size_t{16} << 20U;
constexpr std::size_t longest_passphrase_file = 4096;
constexpr const char* how_to_export =
    "make it by: gpg --export-secret-keys --armor FINGERPRINT > backup.sec.asc";

std::string read_standard_input() {
    std::string content;
    std::array<char, 65536> buffer{};
    for (;;) {
        const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            throw Error(ExitCode::key, std::string("can't read standard input: ") + std::strerror(errno));
        if (count == 0)
            return content;
        content.append(buffer.data(), static_cast<std::size_t>(count));
        if (content.size() > longest_key_file)
            throw Error(ExitCode::key, "standard input holds more than a key");
    }
}

std::string read_secret(const fs::path& path, std::size_t longest) {
    try {
        return stream::read_file(path, longest);
    } catch (const Error& error) {
        throw Error(ExitCode::key, error.what(), error.remedy());
    }
}

std::string passphrase_in(const fs::path& file) {
    auto secret = read_secret(file, longest_passphrase_file);
    if (secret.ends_with('\n'))
        secret.pop_back();
    if (secret.ends_with('\r'))
        secret.pop_back();
    if (secret.empty() || secret.find_first_of(std::string("\n\0", 2)) != std::string::npos)
        throw Error(ExitCode::key, "the passphrase file " + file.string() + " is not one line of text",
                    "write the passphrase alone into it");
    return secret;
}

// The keys as they come in, each looked at in a home that is gone with this object, agent included.
class Collection {
public:
    // Throws Error (key) when the bytes hold no private key.
    void add(const std::string& name, const std::string& bytes) {
        try {
            for (auto& found : openpgp::import_private_keys(home_, bytes))
                if (std::find(keys_.fingerprints.begin(), keys_.fingerprints.end(), found) ==
                    keys_.fingerprints.end())
                    keys_.fingerprints.push_back(std::move(found));
        } catch (const Error& error) {
            throw Error(ExitCode::key, "private key " + name + ": " + error.what(),
                        error.remedy().empty() ? how_to_export : error.remedy());
        }
        // Each begins on a line of its own: an armored one need not end with a line break.
        keys_.keys += bytes;
        if (bytes.find("-----BEGIN") != std::string::npos && !bytes.ends_with('\n'))
            keys_.keys += '\n';
    }
    // `must`: it was asked for by name.
    void add_folder(const fs::path& folder, bool must) {
        std::vector<fs::path> files;
        std::error_code trouble;
        for (const auto& entry : fs::directory_iterator(folder, trouble))
            if (entry.is_regular_file(trouble) && !entry.path().filename().string().starts_with('.'))
                files.push_back(entry.path());
        if (trouble)
            throw Error(ExitCode::key, "private key folder " + folder.string() + ": " + trouble.message());
        std::sort(files.begin(), files.end());
        const auto before = keys_.keys.size();
        std::optional<Error> first;
        for (const auto& file : files) {
            const auto bytes = read_secret(file, longest_key_file);
            try {
                add(file.string(), bytes);
            } catch (const Error& error) {
                first = first ? first : error;
            }
        }
        if (keys_.keys.size() == before && first)
            throw *first;
        if (keys_.keys.size() == before && must)
            throw Error(ExitCode::key, "the folder " + folder.string() + " holds no private key",
                        how_to_export);
    }
    void add_given(const fs::path& place) {
        std::error_code trouble;
        if (place == "-")
            add("on standard input", read_standard_input());
        else if (fs::is_directory(place, trouble))
            add_folder(place, true);
        else
            add(place.string(), read_secret(place, longest_key_file));
    }
    PrivateKeys take(const Settings& settings, const KeyRequest& request) {
        keys_.passphrase = settings.passphrase;
        const bool given = !request.passphrase_file.empty();
        if (keys_.keys.empty()) {
            if (given)
                keys_.passphrase = passphrase_in(request.passphrase_file);
        } else if (openpgp::needs_passphrase(home_)) {
            keys_.key_passphrase = given ? passphrase_in(request.passphrase_file) : asked(request);
        }
        return std::move(keys_);
    }

private:
    [[nodiscard]] std::string asked(const KeyRequest& request) const {
        const auto& name = keys_.fingerprints.front();
        const auto secret =
            request.ask ? request.ask("Passphrase of the private key " + name) : std::string();
        if (secret.empty())
            throw Error(ExitCode::key, "the private key " + name + " has a passphrase, and none is given",
                        "put it into a file and name that by --passphrase-file, or run this on a terminal");
        return secret;
    }

    openpgp::Home home_;
    PrivateKeys keys_;
};

} // namespace

bool PrivateKeys::opens(const catalog::Archive& archive) const {
    if (archive.encryption == "none")
        return true;
    if (archive.encryption == "passphrase")
        return !passphrase.empty();
    if (keys.empty() || archive.recipients.empty() || fingerprints.empty())
        return !keys.empty();
    return std::any_of(fingerprints.begin(), fingerprints.end(), [&](const std::string& each) {
        return std::find(archive.recipients.begin(), archive.recipients.end(), each) !=
               archive.recipients.end();
    });
}

PrivateKeys load_private_keys(const Settings& settings, const KeyRequest& request) {
    Collection collection;
    std::error_code trouble;
    if (!request.files.empty())
        for (const auto& place : request.files)
            collection.add_given(place);
    else if (!settings.private_keys.empty() && fs::is_directory(settings.private_keys, trouble))
        collection.add_folder(settings.private_keys, false);
    return collection.take(settings, request);
}

} // namespace miraclemax::run
