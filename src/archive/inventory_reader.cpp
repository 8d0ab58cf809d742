#include "archive/inventory_reader.hpp"

#include "archive/report.hpp"
#include "error.hpp"

#include <algorithm>
#include <cstring>

namespace miraclemax::archive {
namespace {

constexpr std::size_t kBuffer = 64 << 10;
// A path of a mebibyte, each of its bytes as two escapes, and what follows it.
constexpr std::size_t kLongestLine = (8 << 20) + (64 << 10);
constexpr std::string_view kData = "# data sha256=";
constexpr std::string_view kMeta = "# meta sha256=";

[[noreturn]] void refuse(const std::string& why) {
    throw Error(ExitCode::damaged, why);
}

// The name that a line is about, for messages.
std::string name_in(std::string_view line, const std::string& prefix) {
    return shown(prefix + "/" + decode_path(line.substr(0, line.find(' '))));
}

std::string_view word(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(" \n"), text.size()));
    const std::string_view one = text.substr(0, text.find_first_of(" \n"));
    text.remove_prefix(one.size());
    return one;
}

bool has_word(std::string_view text, std::string_view wanted) {
    while (!text.empty())
        if (word(text) == wanted)
            return true;
    return false;
}

} // namespace

InventoryReader::InventoryReader(stream::Source& source, bool single)
    : source_(source), buffer_(kBuffer), writer_(text_) {
    writer_.flush(); // its first line
    text_.content.clear();
    std::string line;
    if (!read_line(line) || line != "#mtree")
        refuse("the inventory is none");
    if (single && (!read_line(line) || line != ". type=dir"))
        refuse("the inventory is not that of a single file");
    more_ = read_line(ahead_);
}

bool InventoryReader::read_line(std::string& line) {
    line.clear();
    for (;;) {
        if (begin_ == end_) {
            begin_ = 0;
            end_ = source_.read(buffer_);
            if (end_ == 0 && !line.empty())
                refuse("the inventory ends within a line");
            if (end_ == 0)
                return false;
        }
        const std::byte* from = buffer_.data() + begin_;
        const void* end = std::memchr(from, '\n', end_ - begin_);
        const std::size_t size = end != nullptr
                                     ? static_cast<std::size_t>(static_cast<const std::byte*>(end) - from)
                                     : end_ - begin_;
        if (line.size() + size > kLongestLine)
            refuse("the inventory has a line that is longer than any can be");
        line.append(reinterpret_cast<const char*>(from), size);
        begin_ += size + (end != nullptr ? 1 : 0);
        if (end != nullptr)
            return true;
    }
}

// The next entry's line, and those of its data and its attributes.
bool InventoryReader::read_entry() {
    if (!more_)
        return false;
    entry_.swap(ahead_);
    entry_ += '\n';
    path_end_ = std::min(entry_.find(' '), entry_.size() - 1);
    more_ = read_line(ahead_);
    for (const auto further : {kData, kMeta})
        if (more_ && ahead_.starts_with(further)) {
            entry_.append(ahead_).append("\n");
            more_ = read_line(ahead_);
        }
    return true;
}

void InventoryReader::find(const ArchivedEntry& entry, const std::string& prefix) {
    const auto name = [&] { return shown(prefix + "/" + entry.path); };
    if (!read_entry())
        refuse("the archive has " + name() + ", and the inventory has no further entry");
    const std::string_view there = std::string_view(entry_).substr(0, path_end_);
    if (encode_path(entry.path) == there)
        return;
    if (!there.starts_with('.'))
        refuse("where the archive has " + name() + ", the inventory has no entry, but: " +
               shown(std::string_view(entry_).substr(0, std::min<std::size_t>(entry_.size() - 1, 60))));
    refuse("where the archive has " + name() + ", the inventory has " + name_in(there, prefix));
}

std::string_view InventoryReader::tail() const {
    return std::string_view(entry_).substr(path_end_);
}

std::string_view InventoryReader::type() const {
    constexpr std::string_view key = "type=";
    std::string_view rest = tail();
    const std::string_view first = word(rest);
    return first.starts_with(key) ? first.substr(key.size()) : std::string_view();
}

ContentHash::Of InventoryReader::digest_of() const {
    const auto line = entry_.find('\n');
    return entry_.compare(line + 1, kData.size(), kData) == 0 ? ContentHash::Of::data : ContentHash::Of::all;
}

std::string_view InventoryReader::expected(const ArchivedEntry& entry, const ContentDigest& digest) {
    const std::string attributes = attributes_digest(entry.attributes);
    const bool symlink = S_ISLNK(entry.status.st_mode);
    text_.content.clear();
    writer_.add({.path = entry.path,
                 .status = entry.status,
                 .digest = digest,
                 .symlink = symlink ? std::string_view(entry.link) : std::string_view(),
                 .attributes = attributes});
    writer_.flush();
    return text_.content;
}

void InventoryReader::compare(const ArchivedEntry& entry, const ContentDigest& digest,
                              const std::string& name) {
    const std::string_view want = expected(entry, digest);
    if (!entry.another) {
        if (want != entry_)
            differs(name, want, entry_);
        return;
    }
    std::string_view rest = want;
    rest.remove_prefix(std::min(rest.find(' '), rest.size()));
    while (!rest.empty()) {
        const std::string_view one = word(rest);
        const std::string_view key = one.substr(0, one.find('='));
        if ((key == "uid" || key == "gid" || key == "mode" || key == "time") && !has_word(tail(), one))
            differs(name, want, entry_);
    }
}

// Tells the first thing that is not the same.
void InventoryReader::differs(const std::string& name, std::string_view want, std::string_view there) const {
    const auto without_path = [](std::string_view text) {
        text.remove_prefix(std::min(text.find(' '), text.size()));
        return text;
    };
    std::string_view archive = without_path(want), inventory = without_path(there);
    for (bool of_data = false; !archive.empty() || !inventory.empty();) {
        const std::string_view a = word(archive), i = word(inventory);
        of_data = of_data || a == "data" || i == "data";
        if (a == "meta" && i == "meta")
            of_data = false;
        if (a == i)
            continue;
        if (of_data || (a.starts_with("sha256digest=") && i.starts_with("sha256digest=")))
            refuse(name + ": its content is not that of the inventory");
        if (a == "#" || i == "#" || a.starts_with("sha256=") || i.starts_with("sha256="))
            refuse(name + ": its extended attributes or ACLs are not those of the inventory");
        const auto or_nothing = [](std::string_view text) { return text.empty() ? "nothing" : shown(text); };
        refuse(name + ": the archive has " + or_nothing(a) + ", the inventory " + or_nothing(i));
    }
    refuse(name + ": its line in the inventory is in another form");
}

void InventoryReader::finish(const std::string& last) {
    if (more_)
        refuse("the archive ends after " + last +
               ", and the inventory has a further entry: " + shown(ahead_));
}

} // namespace miraclemax::archive
