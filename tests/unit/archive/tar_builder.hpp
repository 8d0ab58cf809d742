// A tar and the inventory beside it, byte by byte: also such as our writer never makes.
#pragma once

#include "archive/unpack.hpp"
#include "stream/stream.hpp"
#include "unit/archive/tree.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace miraclemax::archive::test {

class StringSource : public stream::Source {
public:
    explicit StringSource(std::string_view text, std::size_t most = 1 << 20) : text_(text), most_(most) {}
    std::size_t read(std::span<std::byte> into) override;

private:
    std::string_view text_;
    std::size_t most_;
};

// What the manifest would say of it.
Promise promise_of(const Made& made);
// Unpacks into a folder that is made, or, if it is empty, only compares.
Unpacked unpack(const Made& made, const std::filesystem::path& into, const UnpackOptions& options = {});
Unpacked unpack(const Made& made, const Promise& promise, const std::filesystem::path& into,
                const UnpackOptions& options = {});

using Records = std::vector<std::pair<std::string, std::string>>;

struct Header {
    std::string name;
    char type = '0';
    std::string content;
    std::string link;
    unsigned mode = 0644;
    std::string size = {}; // the field's text, if not that of the content
    std::string magic = std::string("ustar\0"
                                    "00",
                                    8);
    std::string prefix = {};
    std::string uid = "0000000";
    bool good_sum = true;
    std::string device = "0000000";
};

class TarBuilder {
public:
    // Both, the entry and its line in the inventory, which says what the entry is.
    TarBuilder& add(const Header& header, const Records& records = {});
    TarBuilder& folder(const std::string& name) {
        return add({.name = name, .type = '5', .content = "", .link = "", .mode = 0755});
    }
    // The tar alone.
    TarBuilder& header(const Header& header);
    TarBuilder& extended(const std::string& body, char type = 'x');
    TarBuilder& records(const Records& records) { return extended(text(records)); }
    TarBuilder& raw(std::string_view bytes);
    TarBuilder& end() { return raw(std::string(1024, '\0')); }
    // The inventory alone; without the newline.
    TarBuilder& line(const std::string& text);

    static std::string text(const Records& records);
    static std::string record(const std::string& key, const std::string& value);
    static std::string octal(std::uint64_t number, int digits);

    std::string tar;
    std::string inventory = "#mtree\n";
    std::uint64_t entries = 0, files = 0;
    [[nodiscard]] Made made() const;
};

} // namespace miraclemax::archive::test
