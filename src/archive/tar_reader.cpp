#include "archive/tar_reader.hpp"

#include "archive/sparse_map.hpp"
#include "archive/tar_entry.hpp"
#include "archive/tar_header.hpp"
#include "error.hpp"

#include <algorithm>
#include <utility>

namespace miraclemax::archive {
namespace {

constexpr std::size_t kBuffer = 256 << 10; // whole blocks, so that none ever lies across its end
static_assert(kBuffer % kTarBlock == 0);

[[noreturn]] void refuse(const std::string& why) {
    throw Error(ExitCode::damaged, why);
}

std::uint64_t filled_up(std::uint64_t size) {
    return (size + kTarBlock - 1) / kTarBlock * kTarBlock;
}

} // namespace

TarReader::TarReader(stream::Source& source, const Promise& promise)
    : source_(source), promise_(promise), buffer_(kBuffer) {}

void TarReader::refill() {
    begin_ = end_ = 0;
    while (end_ < buffer_.size()) {
        const std::size_t count = source_.read(std::span(buffer_).subspan(end_));
        if (count == 0)
            break;
        end_ += count;
        position_ += count;
        if (position_ > promise_.tar_size)
            refuse("the archive is longer than the manifest says");
    }
    whole_.update(std::span(buffer_).first(end_));
}

// Some bytes, at most so many. Never none.
std::span<const std::byte> TarReader::ahead(std::uint64_t most) {
    if (begin_ == end_)
        refill();
    if (begin_ == end_)
        refuse("the archive ends too early" + (last_.empty() ? "" : ", after " + last_));
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(most, end_ - begin_));
    const auto part = std::span<const std::byte>(buffer_).subspan(begin_, size);
    begin_ += size;
    return part;
}

std::string_view TarReader::block() {
    const auto bytes = ahead(kTarBlock);
    if (bytes.size() != kTarBlock)
        refuse("the archive ends within a block" + (last_.empty() ? "" : ", after " + last_));
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::uint64_t TarReader::left() const {
    return promise_.tar_size - position_ + (end_ - begin_);
}

void TarReader::padding(std::uint64_t size) {
    for (std::uint64_t rest = filled_up(size) - size; rest != 0;)
        rest -= ahead(rest).size();
}

std::string TarReader::extended(std::uint64_t size) {
    if (size > kMostExtended)
        refuse("the extended header after " + last_ + " is longer than any can be");
    std::string body;
    body.reserve(static_cast<std::size_t>(size));
    while (body.size() < size) {
        const auto bytes = ahead(size - body.size());
        body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    padding(size);
    return body;
}

// Once one block of the marker was read.
bool TarReader::ended() {
    if (block().find_first_not_of('\0') != std::string_view::npos)
        refuse("half an end marker follows " + last_);
    if (begin_ != end_ || (refill(), end_ != 0))
        refuse("something follows the end of the archive");
    if (position_ != promise_.tar_size)
        refuse("the archive is shorter than the manifest says");
    if (whole_.hex() != promise_.tar_sha256)
        refuse("the archive's sha256 is not the one in the manifest");
    return true;
}

bool TarReader::next(ArchivedEntry& entry) {
    const std::string_view first = block();
    if (first.find_first_not_of('\0') == std::string_view::npos)
        return !ended();
    try {
        const auto parse = [](std::string_view bytes) {
            return parse_header(std::as_bytes(std::span(bytes)).first<kTarBlock>());
        };
        TarHeader header = parse(first);
        TarRecords records;
        if (header.type == 'x') {
            records = parse_records(extended(header.size));
            header = parse(block());
            if (header.type == 'x')
                refuse("two extended headers follow each other");
        }
        entry = entry_of(std::move(header), std::move(records), promise_.prefix, promise_.single);
    } catch (const Error& error) {
        throw last_.empty() ? error.with("the first entry") : error.with("the entry after " + last_);
    }
    last_ = shown(promise_.prefix + "/" + entry.path);
    if (entry.stored > left())
        refuse(last_ + " has more content than the archive");
    return true;
}

void TarReader::part(std::uint64_t length, const ContentSink& sink) {
    while (length != 0) {
        const auto bytes = ahead(length);
        hash_.data(bytes);
        sink.data(bytes);
        length -= bytes.size();
    }
}

void TarReader::hole(std::uint64_t length, const ContentSink& sink) {
    if (length == 0)
        return;
    hash_.hole(length);
    sink.hole(length);
}

Contained TarReader::content(const ArchivedEntry& entry, ContentHash::Of of, const ContentSink& sink) {
    const auto size = static_cast<std::uint64_t>(entry.status.st_size);
    if (!entry.sparse) {
        hash_.begin(ContentHash::Of::all);
        part(size, sink);
        padding(size);
        return {.digest = hash_.finish(), .bytes = size};
    }
    SparseMap map(size);
    std::uint64_t stored = 0;
    try {
        for (bool complete = false; !complete;) {
            stored += kTarBlock;
            if (stored > entry.stored)
                refuse("the map of its holes is longer than its content");
            complete = map.take(block());
        }
    } catch (const Error& error) {
        throw error.with(last_);
    }
    if (stored + map.data() != entry.stored)
        refuse(last_ + " has another amount of content than the map of its holes says");
    hash_.begin(ContentHash::bounded(of, size - map.data(), map.data()));
    std::uint64_t at = 0;
    for (const Extent& extent : map.parts()) {
        hole(extent.offset - at, sink);
        hash_.part(extent);
        part(extent.length, sink);
        at = extent.offset + extent.length;
    }
    hole(size - at, sink);
    padding(entry.stored);
    return {.digest = hash_.finish(), .bytes = map.data()};
}

} // namespace miraclemax::archive
