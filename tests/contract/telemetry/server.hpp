// Real servers for the tests of deliveries: a program that is started and ended, and certificates for it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace miraclemax::telemetry::testing {

// Started with its standard output at a pipe (its errors go nowhere); killed and waited for at the end.
class Server {
public:
    explicit Server(const std::vector<std::string>& words) {
        int ends[2]{};
        if (::pipe2(ends, O_CLOEXEC) != 0)
            throw std::runtime_error("no pipe");
        output_ = ends[0];
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
        ::posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
        std::vector<char*> argv;
        for (const auto& word : words)
            argv.push_back(const_cast<char*>(word.c_str()));
        argv.push_back(nullptr);
        const int failed = ::posix_spawnp(&process_, argv[0], &actions, nullptr, argv.data(), environ);
        ::posix_spawn_file_actions_destroy(&actions);
        ::close(ends[1]);
        if (failed != 0)
            process_ = -1;
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server() {
        if (process_ > 0) {
            ::kill(process_, SIGKILL);
            ::waitpid(process_, nullptr, 0);
        }
        ::close(output_);
    }
    // The first line that it prints; empty when it ends without one.
    std::string line() const {
        std::string text;
        for (char byte = 0; ::read(output_, &byte, 1) == 1 && byte != '\n';)
            text += byte;
        return text;
    }

private:
    pid_t process_ = -1;
    int output_ = -1;
};

// An authority (ca.pem) and a certificate from it for "localhost" alone (cert.pem, key.pem). By stock
// openssl.
inline bool make_certificates(const std::filesystem::path& folder) {
    const std::string key = " -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes ";
    const std::string script =
        "cd '" + folder.string() + "' && openssl req -x509" + key +
        "-subj /CN=test-ca -days 2 -keyout ca.key -out ca.pem && openssl req" + key +
        "-subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout key.pem -out request.pem && "
        "openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -copy_extensions "
        "copy "
        "-out cert.pem";
    return std::system(("(" + script + ") >/dev/null 2>&1").c_str()) == 0;
}

} // namespace miraclemax::telemetry::testing
