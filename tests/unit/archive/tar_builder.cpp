#include "unit/archive/tar_builder.hpp"

#include "archive/inventory.hpp"
#include "stream/digest.hpp"
#include "stream/file.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>

namespace miraclemax::archive::test {

std::size_t StringSource::read(std::span<std::byte> into) {
    const std::size_t size = std::min({into.size(), text_.size(), most_});
    std::memcpy(into.data(), text_.data(), size);
    text_.remove_prefix(size);
    return size;
}

Promise promise_of(const Made& made) {
    return {.prefix = "data",
            .single = false,
            .entries = made.result.tally.entries,
            .files = made.result.tally.files,
            .tar_size = made.tar.size(),
            .tar_sha256 = stream::sha256_of(made.tar)};
}

Unpacked unpack(const Made& made, const Promise& promise, const std::filesystem::path& into,
                const UnpackOptions& options) {
    stream::Descriptor folder;
    if (!into.empty()) {
        std::filesystem::create_directories(into);
        folder = stream::Descriptor(open(into.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    StringSource tar(made.tar), inventory(made.inventory);
    return archive::unpack(tar, inventory, promise, folder.get(), options, {});
}

Unpacked unpack(const Made& made, const std::filesystem::path& into, const UnpackOptions& options) {
    return unpack(made, promise_of(made), into, options);
}

std::string TarBuilder::octal(std::uint64_t number, int digits) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%0*llo", digits, static_cast<unsigned long long>(number));
    return text.data();
}

std::string TarBuilder::record(const std::string& key, const std::string& value) {
    const std::size_t rest = key.size() + value.size() + 3;
    std::size_t length = rest + 1;
    while (length != rest + std::to_string(length).size())
        ++length;
    return std::to_string(length) + " " + key + "=" + value + "\n";
}

std::string TarBuilder::text(const Records& records) {
    std::string body;
    for (const auto& [key, value] : records)
        body += record(key, value);
    return body;
}

TarBuilder& TarBuilder::raw(std::string_view bytes) {
    tar += bytes;
    tar.append((512 - tar.size() % 512) % 512, '\0');
    return *this;
}

TarBuilder& TarBuilder::header(const Header& header) {
    std::string block(512, '\0');
    const auto put = [&](std::size_t at, std::string_view text) { block.replace(at, text.size(), text); };
    put(0, header.name.substr(0, 100));
    put(100, octal(header.mode, 6) + " ");
    put(108, header.uid);
    put(116, "0000000");
    put(124, header.size.empty() ? octal(header.content.size(), 11) : header.size);
    put(136, "00000000001");
    block[156] = header.type;
    put(157, header.link.substr(0, 100));
    put(257, header.magic);
    put(329, header.device);
    put(337, header.device);
    put(345, header.prefix);
    put(148, "        ");
    unsigned sum = header.good_sum ? 0 : 1;
    for (const char c : block)
        sum += static_cast<unsigned char>(c);
    put(148, octal(sum, 6) + std::string("\0 ", 2));
    return raw(block).raw(header.content);
}

TarBuilder& TarBuilder::extended(const std::string& body, char type) {
    return header({.name = "PaxHeader", .type = type, .content = body, .link = ""});
}

TarBuilder& TarBuilder::line(const std::string& text) {
    inventory += text + "\n";
    return *this;
}

TarBuilder& TarBuilder::add(const Header& header, const Records& records) {
    if (!records.empty())
        this->records(records);
    this->header(header);
    std::string name = header.prefix.empty() ? header.name : header.prefix + "/" + header.name;
    for (const auto& [key, value] : records)
        if (key == "path" || key == "GNU.sparse.name")
            name = value;
    if (name.ends_with('/') && header.type == '5')
        name.pop_back();
    struct stat status {};
    const std::string types = "012345 6";
    const std::array<mode_t, 8> modes{S_IFREG, S_IFREG, S_IFLNK, S_IFCHR, S_IFBLK, S_IFDIR, S_IFREG, S_IFIFO};
    const auto which = types.find(header.type == '6' ? '6' : header.type);
    status.st_mode = header.mode | modes[which == std::string::npos ? 0 : which];
    status.st_size = static_cast<off_t>(header.content.size());
    status.st_mtim.tv_sec = 1;
    const std::string path = name.starts_with("data/") ? name.substr(5) : name == "data" ? "" : name;
    stream::StringSink sink;
    Inventory writer(sink);
    writer.add({.path = path,
                .status = status,
                .digest = {.sha256 = S_ISREG(status.st_mode) ? stream::sha256_of(header.content) : ""},
                .symlink = header.type == '2' ? header.link : "",
                .attributes = ""});
    writer.flush();
    inventory += sink.content().substr(std::string_view("#mtree\n").size());
    ++entries;
    files += S_ISREG(status.st_mode) ? 1 : 0;
    return *this;
}

Made TarBuilder::made() const {
    Made made;
    made.tar = tar;
    made.inventory = inventory;
    made.result.tally.entries = entries;
    made.result.tally.files = files;
    return made;
}

} // namespace miraclemax::archive::test
