// Within src/openpgp only: a gpg that works from one pipe to another, and what it says of it by its status
// descriptor (gpg's doc/DETAILS, "Format of the --status-fd output"). For streams; keys and signatures go by
// GPGME, which formats every byte that passes it for a log that nobody reads: a quarter of a backup's work.
#pragma once

#include "openpgp/encryption.hpp"

#include "stream/file.hpp"
#include "stream/stream.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace miraclemax::openpgp {

// "2.2.40", of the gpg that GPGME uses, and its path. Throws Error (key) when there is none.
struct Gpg {
    std::string program;
    std::string version;
};
Gpg find_gpg();

class GpgProcess {
public:
    // `words` follow the options that every one gets. Started without a shell and with an environment of PATH
    // and LC_ALL alone. This process ignores SIGPIPE from here on. Throws Error (key).
    GpgProcess(const Home& home, std::vector<std::string> words);
    ~GpgProcess(); // kills it, and reaps it
    GpgProcess(const GpgProcess&) = delete;
    GpgProcess& operator=(const GpgProcess&) = delete;

    // One thread. False: it takes nothing more. Blocks while its pipe is full.
    bool write(stream::Bytes bytes);
    void close_input() noexcept { input_.reset(); }

    // What a reading thread is called with. `input`, where there is one, gives the next bytes, none at the
    // end; then nobody else may write. An exception of theirs comes through.
    struct Ears {
        std::function<void(stream::Bytes)> output;
        std::function<void(std::string_view keyword, std::string_view arguments)> status;
        std::function<stream::Bytes()> input{};
    };
    // One thread: returns when it has closed its output and its status.
    void follow(const Ears& ears);
    // The reading thread, within `status`: the line that it asked for (GET_HIDDEN).
    void answer(const std::string& line);

    // Any thread: it ends now, and writing and reading with it.
    void kill() noexcept;
    // After follow() or kill(). Whether it ended by itself, with exit code 0.
    bool wait() noexcept;

private:
    void feed(const Ears& ears);

    pid_t pid_ = 0;
    stream::Descriptor handle_; // pidfd
    stream::Descriptor input_;
    stream::Descriptor output_;
    stream::Descriptor status_;
    stream::Descriptor commands_;
    stream::Bytes pending_; // of the input given, not yet written
};

} // namespace miraclemax::openpgp
