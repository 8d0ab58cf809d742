#include "stream/read_ahead.hpp"

#include "error.hpp"

#include <string>
#include <system_error>
#include <vector>

namespace miraclemax::stream {

namespace {

constexpr std::size_t piece = std::size_t{256} * 1024;
// Evens out that one side waits for the disk now and then.
constexpr std::size_t ahead = std::size_t{4} << 20U;

} // namespace

ReadAhead::ReadAhead(Source& from) : from_(from), queue_(ahead) {
    try {
        thread_ = std::thread([this] { fetch(); });
    } catch (const std::system_error& error) {
        throw Error(ExitCode::failed, std::string("can't start a thread to read: ") + error.what());
    }
}

ReadAhead::~ReadAhead() {
    queue_.abandon();
    thread_.join();
}

void ReadAhead::fetch() {
    try {
        std::vector<std::byte> buffer(piece);
        while (const std::size_t count = from_.read(buffer)) {
            if (!queue_.write(Bytes(buffer).first(count))) {
                return;
            }
        }
    } catch (...) {
        failure_ = std::current_exception();
    }
    queue_.close();
}

std::size_t ReadAhead::read(std::span<std::byte> into) {
    const std::size_t count = queue_.read(into).value_or(0);
    if (count == 0 && !into.empty() && failure_) {
        std::rethrow_exception(failure_);
    }
    return count;
}

} // namespace miraclemax::stream
