// The part of ComponentWriter that deals with regular files.
#include "archive/component_writer.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include <fcntl.h>
#include <unistd.h>

namespace miraclemax::archive {
namespace {

// File times move in ticks of the kernel's clock, up to 10 ms. A file written within the tick in which its
// status is taken can be written once more, while it is read, and show the same times.
constexpr long kTick = 20'000'000; // ns

// How long ago that was; a tick or more for what lies in the future, as after the clock was set back.
long age_of(const timespec& changed) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    const auto seconds = static_cast<long long>(now.tv_sec) - static_cast<long long>(changed.tv_sec);
    if (seconds < 0 || seconds > 1)
        return kTick;
    const long long age = seconds * 1'000'000'000 + now.tv_nsec - changed.tv_nsec;
    return age < 0 || age > kTick ? kTick : static_cast<long>(age);
}

bool moved_since(const Place& place, const struct stat& before) {
    struct stat after {};
    return fstatat(place.folder, place.name, &after, AT_SYMLINK_NOFOLLOW) != 0 || !unmoved(before, after);
}

} // namespace

bool ComponentWriter::regular(const Place& place, bool last) {
    Opened opened;
    std::string why;
    switch (open(place, opened, why)) {
    case Opening::moved:
        return false;
    case Opening::refused:
        missed(place.path, What::unreadable, why);
        return true;
    case Opening::ready:
        break;
    }
    if (static_cast<std::uint64_t>(opened.status.st_size) <= kSmall)
        return small(place, opened, last);
    big(place, std::move(opened));
    return true;
}

ComponentWriter::Opening ComponentWriter::open(const Place& place, Opened& opened, std::string& why) {
    opened.file = opener_->open(place.folder, place.name, false);
    if (!opened.file) {
        if (errno == ENOENT || errno == ELOOP || errno == ENXIO || errno == ESTALE)
            return Opening::moved;
        why = std::strerror(errno);
        return Opening::refused;
    }
    const int descriptor = opened.file.get();
    if (fstat(descriptor, &opened.status) != 0 || !S_ISREG(opened.status.st_mode))
        return Opening::moved;
    if (const long age = age_of(opened.status.st_ctim); age < kTick) {
        const timespec rest{.tv_sec = 0, .tv_nsec = kTick - age};
        nanosleep(&rest, nullptr);
        if (fstat(descriptor, &opened.status) != 0)
            return Opening::moved;
        opened.unsure = age_of(opened.status.st_ctim) < kTick;
    }
    opened.map = ContentReader::holes(descriptor, opened.status);
    read_attributes(place, descriptor);
    return Opening::ready;
}

bool ComponentWriter::small(const Place& place, const Opened& opened, bool last) {
    Reading reading;
    const auto content = content_.read_small(opened.file.get(), opened.status, opened.map, reading);
    const bool moved = opened.unsure || moved_since(place, opened.status);
    if (moved && !last)
        return false;
    if (!begin(place.path, opened.status, opened.map ? &*opened.map : nullptr))
        return true;
    tell(reading.bytes);
    // A span over holes too: the writer leaves out what the map does not name.
    tar_.data(content);
    record(place.path, opened.status, reading.digest, attributes_digest(attributes_));
    judge(place.path, reading, moved, "it moved in every try to read it");
    if (!moved)
        remember(place, opened.status, reading.digest);
    return true;
}

Reading ComponentWriter::stream_file(const Opened& opened) {
    const std::function<void(std::span<const std::byte>)> data = [this](std::span<const std::byte> bytes) {
        tar_.data(bytes);
        tell(bytes.size());
    };
    const std::function<void(std::uint64_t)> hole = [this](std::uint64_t length) { tar_.hole(length); };
    const std::uint64_t before = tally_.bytes;
    Reading reading =
        content_.read(opened.file.get(), opened.status, opened.map, {.data = data, .hole = hole});
    tally_.bytes = before + reading.bytes; // without what had to be filled up
    told_bytes_ = std::min(told_bytes_, tally_.bytes);
    return reading;
}

// A big file is written while it is read. If it moved, it follows once more under the same name: of two
// entries the later one counts, for every tar.
void ComponentWriter::big(const Place& place, Opened opened) {
    if (!begin(place.path, opened.status, opened.map ? &*opened.map : nullptr))
        return;
    Reading reading = stream_file(opened);
    bool moved = opened.unsure || moved_since(place, opened.status);
    const char* how = "it moved while it was read, and could not be read again";
    if (moved && reading.error == 0) {
        Opened again;
        std::string why;
        const std::vector<Attribute> first = attributes_;
        const int first_error = attributes_error_;
        if (open(place, again, why) == Opening::ready &&
            begin(place.path, again.status, again.map ? &*again.map : nullptr)) {
            opened = std::move(again);
            reading = stream_file(opened);
            moved = opened.unsure || moved_since(place, opened.status);
            how = "it moved in every try to read it";
        } else {
            attributes_ = first;
            attributes_error_ = first_error;
        }
    }
    record(place.path, opened.status, reading.digest, attributes_digest(attributes_));
    judge(place.path, reading, moved, how);
    if (!moved)
        remember(place, opened.status, reading.digest);
}

void ComponentWriter::judge(const std::string& path, const Reading& reading, bool moved, const char* how) {
    if (reading.error != 0)
        missed(path, What::unreadable,
               std::string("reading failed, the missing parts are zeros in the archive: ") +
                   std::strerror(reading.error));
    else if (moved || reading.short_of)
        missed(path, What::changed, how);
    else
        judge_attributes(path);
}

} // namespace miraclemax::archive
