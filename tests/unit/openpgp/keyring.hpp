// What the tests of OpenPGP share: a GNUPGHOME of the test's own in which stock gpg makes, ends and uses
// keys.
#pragma once

#include "stream/stream.hpp"

#include <algorithm>
#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <span>
#include <string>

namespace miraclemax::openpgp::testing {

inline stream::Bytes bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

inline std::string mixture(std::size_t size) {
    std::mt19937_64 random(size + 1);
    std::string text;
    while (text.size() < size) {
        const std::uint64_t noise = random();
        text.append(reinterpret_cast<const char*>(&noise), sizeof noise);
        text += "and some text that could be compressed, were it asked for";
    }
    text.resize(size);
    return text;
}

// The operator's side: private keys, decryption. Everything is done by stock gpg.
class Keyring {
public:
    Keyring() {
        std::string name = "/tmp/mmt-XXXXXX";
        path_ = ::mkdtemp(name.data());
        // In a container of its own gpg may find no /run/user: its sockets then lie in this folder.
        home_ = path_ / "h";
        std::filesystem::create_directory(home_);
        std::filesystem::permissions(home_, std::filesystem::perms::owner_all);
    }
    Keyring(const Keyring&) = delete;
    Keyring& operator=(const Keyring&) = delete;
    ~Keyring() {
        (void)std::system(("gpgconf --homedir " + home_.string() + " --kill all >/dev/null 2>&1").c_str());
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

    // gpg's output; fails the test when gpg does.
    std::string gpg(const std::string& arguments) const {
        std::string output;
        const int status = try_gpg(arguments, output);
        EXPECT_EQ(status, 0) << "gpg " << arguments << "\n" << content_of(path_ / "err");
        return output;
    }

    int try_gpg(const std::string& arguments, std::string& output) const {
        const std::string command = "gpg --homedir " + home_.string() + " --batch --yes --quiet --no-tty " +
                                    arguments + " 2>" + (path_ / "err").string();
        FILE* pipe = ::popen(command.c_str(), "r");
        char buffer[65536];
        while (const std::size_t count = std::fread(buffer, 1, sizeof buffer, pipe)) {
            output.append(buffer, count);
        }
        return ::pclose(pipe);
    }

    // Makes a key by a parameter file; returns its fingerprint.
    std::string make_key(const std::string& name, bool encrypts = true, const std::string& options = {},
                         const std::string& expires = "0") const {
        std::ofstream(path_ / "params")
            << "%no-protection\nKey-Type: eddsa\nKey-Curve: ed25519\nKey-Usage: sign\n"
            << (encrypts ? "Subkey-Type: ecdh\nSubkey-Curve: cv25519\nSubkey-Usage: encrypt\n" : "")
            << "Name-Real: " << name << "\nExpire-Date: " << expires << "\n%commit\n";
        gpg(options + " --gen-key " + (path_ / "params").string());
        const std::string listing = gpg("--with-colons --list-keys '" + name + "'");
        const std::size_t at = listing.find("fpr:::::::::") + 12;
        return listing.substr(at, listing.find(':', at) - at);
    }

    [[nodiscard]] std::string public_key(const std::string& fingerprint) const {
        return gpg("--export " + fingerprint);
    }

    [[nodiscard]] std::string decrypt(const std::string& message, const std::string& options = {}) const {
        write(path_ / "message", message);
        return gpg(options + " --decrypt " + (path_ / "message").string());
    }

    static void write(const std::filesystem::path& path, const std::string& content) {
        std::ofstream(path, std::ios::binary) << content;
    }

    static std::string content_of(const std::filesystem::path& path) {
        std::ifstream in(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }

private:
    std::filesystem::path path_;
    std::filesystem::path home_;
};

// Processes whose argv names this folder, as the gpgs and agents of a home do, and this word. Gives the last
// one's id.
inline int processes_of(const std::filesystem::path& home, int* last = nullptr, const char* word = "") {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::string id = entry.path().filename();
        if (id.find_first_not_of("0123456789") != std::string::npos) {
            continue;
        }
        std::string argv; // read() and no stream: a process that ends meanwhile is no error
        if (const int file = ::open((entry.path() / "cmdline").c_str(), O_RDONLY | O_CLOEXEC); file >= 0) {
            char text[4096];
            argv.assign(text,
                        static_cast<std::size_t>(std::max<ssize_t>(0, ::read(file, text, sizeof text))));
            ::close(file);
        }
        if (argv.find(home.string()) != std::string::npos && argv.find(word) != std::string::npos) {
            ++count;
            if (last != nullptr) {
                *last = std::stoi(id);
            }
        }
    }
    return count;
}

// They end soon after; never waits long where all is well.
inline bool all_gone(const std::filesystem::path& home) {
    for (int attempt = 0; attempt < 200; ++attempt) {
        if (processes_of(home) == 0) {
            return true;
        }
        ::usleep(20000);
    }
    return false;
}

} // namespace miraclemax::openpgp::testing
