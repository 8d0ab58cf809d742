#include "worker/control_socket.hpp"

#include "error.hpp"

#include <cerrno>
#include <cstring>

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace miraclemax::worker {

ControlSocket::ControlSocket(std::filesystem::path folder) {
    const std::string path = folder / leaf;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        throw Error(ExitCode::failed, "the path of the control socket is too long: " + path,
                    "let the state folder have a shorter path");
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    std::filesystem::create_directories(folder.parent_path());
    if (::mkdir(folder.c_str(), 0700) != 0)
        throw stream::write_error("create", folder, errno);
    folder_ = std::move(folder);
    listening_ = stream::Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!listening_ ||
        ::bind(listening_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::chmod(path.c_str(), 0600) != 0 || ::listen(listening_.get(), 1) != 0) {
        const Error error = stream::write_error("listen on", path, errno);
        remove();
        throw error;
    }
}

ControlSocket::~ControlSocket() {
    remove();
}

void ControlSocket::remove() noexcept {
    listening_.reset();
    if (folder_.empty())
        return;
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
    folder_.clear();
}

std::optional<stream::Descriptor> ControlSocket::accept(std::chrono::milliseconds within) {
    pollfd one{.fd = listening_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&one, 1, static_cast<int>(within.count())) <= 0)
        return std::nullopt;
    stream::Descriptor connected(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connected)
        return std::nullopt;
    remove();
    return connected;
}

} // namespace miraclemax::worker
