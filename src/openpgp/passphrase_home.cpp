#include "openpgp/passphrase_home.hpp"

#include "error.hpp"

#include <cerrno>
#include <span>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>

namespace miraclemax::openpgp {

PassphraseHome::PassphraseHome(const Home& above, const std::string& passphrase)
    : home_(Home::within(above)) {
    if (passphrase.find_first_of(std::string_view("\n\0", 2)) != std::string::npos ||
        passphrase.size() > 1024) {
        throw Error(ExitCode::key, "the passphrase has a line break or NUL in it, or more than 1024 bytes",
                    "use one line of text");
    }
    const std::filesystem::path fifo = home_->path() / "passphrase";
    if (::mkfifo(fifo.c_str(), 0600) != 0) {
        throw stream::write_error("create", fifo, errno);
    }
    // For reading too: so neither this open nor gpg's waits for the other side.
    fifo_ = stream::Descriptor(::open(fifo.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
    if (!fifo_) {
        throw stream::write_error("open", fifo, errno);
    }
    stream::write_all(fifo_.get(), std::as_bytes(std::span(passphrase.data(), passphrase.size())), fifo);
    stream::write_all(fifo_.get(), std::as_bytes(std::span("\n", 1)), fifo);
    const std::filesystem::path conf = home_->path() / "gpg.conf";
    stream::replace_file(conf, stream::read_file(conf, 4096) + "pinentry-mode loopback\npassphrase-file " +
                                   fifo.string() + "\n");
}

} // namespace miraclemax::openpgp
