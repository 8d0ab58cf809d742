// GNUPGHOMEs: throwaway ones and the kept one. gpg's socket names: gpgconf(1), gpg-agent(1).
#include "openpgp/encryption.hpp"

#include "error.hpp"
#include "stream/file.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace miraclemax::openpgp {

namespace fs = std::filesystem;
using stream::is_there;

namespace {

// "/S.gpg-agent.browser" and its NUL must fit beside the path into the 108 bytes of sockaddr_un.
constexpr std::size_t longest_path = 85;

// What encryption promises, whatever the recipients' keys prefer; and no surprises: no network, nothing
// that gpg would still write into a folder that is being removed. Not "trust-model always" (GPGME says it for
// each encryption): with it gpg makes no trustdb.gpg, and then can't import a revoked or expired key.
constexpr std::string_view private_conf = "cipher-algo AES256\n"
                                          "personal-cipher-preferences AES256\n"
                                          "s2k-cipher-algo AES256\n"
                                          "s2k-digest-algo SHA512\n"
                                          "s2k-count 65011712\n" // the most there is; else gpg asks its agent
                                          "no-auto-check-trustdb\n"
                                          "no-auto-key-locate\n"
                                          "no-auto-key-retrieve\n"
                                          "disable-dirmngr\n"
                                          "no-random-seed-file\n"
                                          "no-symkey-cache\n"
                                          "no-greeting\n";

fs::path socket_folder() {
    return "/run/user/" + std::to_string(::getuid()) + "/gnupg";
}

// Runs gpgconf without a shell, silently, without this process's environment (it may hold secrets).
void run_gpgconf(const fs::path& home, const char* act, const char* what) noexcept {
    posix_spawn_file_actions_t actions;
    if (::posix_spawn_file_actions_init(&actions) != 0) {
        return;
    }
    ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
    ::posix_spawn_file_actions_adddup2(&actions, 0, 1);
    ::posix_spawn_file_actions_adddup2(&actions, 0, 2);
    const char* argv[] = {"gpgconf", "--homedir", home.c_str(), act, what, nullptr};
    char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
    char* const environment[] = {path, nullptr};
    pid_t child = 0;
    const int failed =
        ::posix_spawnp(&child, "gpgconf", &actions, nullptr, const_cast<char* const*>(argv), environment);
    ::posix_spawn_file_actions_destroy(&actions);
    if (failed == 0) {
        while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
        }
    }
}

void end_daemons(const fs::path& home) noexcept {
    if (is_there(socket_folder())) {
        run_gpgconf(home, "--kill", "all");
        run_gpgconf(home, "--remove-socketdir", nullptr);
        return;
    }
    for (const char* name : {"gpg-agent", "keyboxd", "scdaemon", "dirmngr"}) {
        const fs::path socket = home / ("S." + std::string(name));
        if (is_there(socket)) {
            run_gpgconf(home, "--kill", name);
        }
        // It has answered, and ends: who came to it now would be told that there is no private key.
        for (int attempt = 0; attempt < 200 && is_there(socket); ++attempt) {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    }
}

void remove_folder(const fs::path& home) noexcept {
    // A gpg that was just abandoned, or the agent, may still be removing its own files in it.
    for (int attempt = 0; attempt < 100; ++attempt) {
        std::error_code failed;
        fs::remove_all(home, failed);
        if (!failed && !is_there(home)) {
            return;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
}

constexpr std::string_view prefix = "mm-";

stream::Descriptor locked(const fs::path& home) {
    stream::Descriptor folder(::open(home.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (folder && ::flock(folder.get(), LOCK_EX | LOCK_NB) != 0) {
        return {};
    }
    return folder;
}

// Ours, nobody holds it, and too old to be one that is just being made and not yet locked.
bool is_left_over(const stream::Descriptor& home) {
    struct stat status {};
    timespec now{};
    return home && ::fstat(home.get(), &status) == 0 && status.st_uid == ::geteuid() &&
           ::clock_gettime(CLOCK_REALTIME, &now) == 0 && now.tv_sec - status.st_ctim.tv_sec > 1;
}

// What processes left that were killed.
void sweep_place(const fs::path& place) noexcept {
    try {
        for (const auto& entry : fs::directory_iterator(place)) {
            const std::string name = entry.path().filename();
            if (name.size() != prefix.size() + 6 || !name.starts_with(prefix)) {
                continue;
            }
            if (const auto lock = locked(entry.path()); is_left_over(lock)) {
                end_daemons(entry.path());
                remove_folder(entry.path());
            }
        }
    } catch (const std::exception&) { // it is tidiness: what can't be listed stays
    }
}

constexpr const char* places[] = {"/dev/shm", "/run", "/tmp"};

fs::path make_throwaway() {
    int last = 0;
    for (const char* place : places) {
        sweep_place(place);
        std::string name = std::string(place) + "/" + std::string(prefix) + "XXXXXX";
        if (::mkdtemp(name.data()) != nullptr) {
            return name;
        }
        last = errno;
    }
    throw Error(ExitCode::failed,
                std::string("can't make a folder for gpg in /dev/shm, /run or /tmp: ") + std::strerror(last),
                "let one of them be writable (in a container, /dev/shm is unless it was taken away)");
}

} // namespace

void Home::sweep() noexcept {
    for (const char* place : places) {
        sweep_place(place);
    }
}

Home::Home() : Home(make_throwaway(), false) {}

Home::Home(fs::path made, bool kept) : path_(std::move(made)), kept_(kept) {
    try {
        alive_ = locked(path_);
        stream::write_file(path_ / "gpg.conf", private_conf);
    } catch (...) {
        remove_folder(path_);
        throw;
    }
}

Home::Home(fs::path kept) : path_(std::move(kept)), kept_(true) {
    if (path_.string().size() > longest_path) {
        throw Error(ExitCode::config,
                    "the path of the key folder " + path_.string() + " is too long for gpg's sockets",
                    "choose one of at most " + std::to_string(longest_path) + " bytes");
    }
    if (::mkdir(path_.c_str(), 0700) == 0) {
        stream::write_file(path_ / "gpg.conf", private_conf);
    } else if (errno != EEXIST) {
        throw stream::write_error("create the key folder", path_, errno);
    }
}

std::unique_ptr<Home> Home::within(const Home& above) {
    for (int number = 1; number < 1000; ++number) {
        fs::path path = above.path() / ("p" + std::to_string(number));
        if (path.native().size() > longest_path) {
            break;
        }
        if (::mkdir(path.c_str(), 0700) == 0) {
            return std::unique_ptr<Home>(new Home(std::move(path), false));
        }
        if (errno != EEXIST) {
            throw stream::write_error("create the key folder", path, errno);
        }
    }
    return std::make_unique<Home>();
}

Home::~Home() {
    end_daemons(path_);
    if (!kept_) {
        remove_folder(path_);
    }
}

} // namespace miraclemax::openpgp
