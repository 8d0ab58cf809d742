// What the tests of this room share: a temp folder, real keys, and a look at the processes below this one.
#pragma once

#include "error.hpp"
#include "openpgp/encryption.hpp"
#include "worker/launcher.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

namespace miraclemax::worker {

namespace fs = std::filesystem;

class Folder {
public:
    Folder() {
        std::string name = "/tmp/mmw-XXXXXX";
        path = ::mkdtemp(name.data());
    }
    ~Folder() {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    fs::path path;
};

inline void put(const fs::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

inline std::string get(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

inline int shell(const std::string& command) {
    return std::system(command.c_str());
}

// A key pair of a person who will open backups, in a home of its own.
class Person {
public:
    Person() {
        put(folder.path / "p", "%no-protection\nKey-Type: eddsa\nKey-Curve: ed25519\nSubkey-Type: ecdh\n"
                               "Subkey-Curve: cv25519\nName-Real: t\nExpire-Date: 0\n%commit\n");
        fs::permissions(folder.path, fs::perms::owner_all);
        shell(gpg() + " --gen-key " + (folder.path / "p").string() + " 2>/dev/null");
        shell(gpg() + " --export > " + (folder.path / "pub").string());
        keyring = get(folder.path / "pub");
        const openpgp::Home home;
        fingerprints = openpgp::import_keys(home, keyring);
    }
    ~Person() { shell("gpgconf --homedir " + folder.path.string() + " --kill all 2>/dev/null"); }
    [[nodiscard]] std::string gpg() const {
        return "gpg --homedir " + folder.path.string() + " --batch --quiet --no-tty";
    }
    Folder folder;
    std::string keyring;
    std::vector<std::string> fingerprints;
};

struct Process {
    int id;
    int parent;
    int group;
    char state;
};

inline std::vector<Process> processes() {
    std::vector<Process> all;
    for (const auto& entry : fs::directory_iterator("/proc")) {
        const std::string name = entry.path().filename();
        if (!std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c) != 0; }))
            continue;
        const std::string text = get(entry.path() / "stat");
        const auto end = text.rfind(')');
        if (end == std::string::npos)
            continue;
        std::istringstream rest(text.substr(end + 1));
        Process one{std::stoi(name), 0, 0, '?'};
        rest >> one.state >> one.parent >> one.group;
        all.push_back(one);
    }
    return all;
}

// Children of a process, and theirs; the nearest first.
inline std::vector<int> below(int parent) {
    std::vector<int> found;
    const auto all = processes();
    std::vector<int> parents{parent};
    for (std::size_t at = 0; at < parents.size(); ++at) {
        for (const Process& one : all) {
            if (one.parent == parents[at] && one.state != 'Z') {
                found.push_back(one.id);
                parents.push_back(one.id);
            }
        }
    }
    return found;
}

// The processes of a group: a worker and its gpgs, which GPGME gives to process 1.
inline std::vector<int> group(int leader) {
    std::vector<int> found;
    for (const Process& one : processes()) {
        if (one.group == leader && one.state != 'Z')
            found.push_back(one.id);
    }
    return found;
}

// Waits (very long) for what is bound to come.
inline bool becomes(const std::function<bool()>& condition) {
    for (int attempt = 0; attempt < 3000; ++attempt) {
        if (condition())
            return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
}

inline Outcome whole(Worker& worker) {
    const std::stop_token never;
    worker.wait_ready(never);
    worker.go();
    worker.wait_read({}, std::nullopt, never);
    return worker.finish({}, never);
}

// The Error that an act throws.
inline Error failure_of(const std::function<void()>& act) {
    try {
        act();
    } catch (const Error& error) {
        return error;
    }
    return {ExitCode::ok, "nothing was thrown"};
}

} // namespace miraclemax::worker
