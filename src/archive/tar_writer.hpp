// A pax tar (POSIX.1-2001, IEEE 1003.1 "pax"), written by libarchive.
#pragma once

#include "archive/attributes.hpp"
#include "archive/extents.hpp"
#include "stream/stream.hpp"

#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>

struct archive;
struct archive_entry;

namespace miraclemax::archive {

// The modification time as the archive can say it. libarchive puts a minus sign before the whole seconds
// only, so the second before 1970 has no fractions: they become -1.0. All other times are exact.
timespec archived_time(const timespec& time);

// Whether GNU tar gives an extended attribute of this name its name back. libarchive writes all bytes but the
// printable ones of ASCII as %XX, and '%' and '=' too; of these, GNU tar takes only %25 and %3D for what they
// stand for.
bool restorable(std::string_view attribute);

struct TarEntry {
    const std::string& name; // any bytes
    const struct stat& status;
    const std::string& symlink;  // target, for symbolic links
    const std::string& hardlink; // the earlier entry that this is another name of; else empty
    const std::vector<Attribute>& attributes;
    const std::vector<Extent>* map = nullptr; // of a file with holes: write only these parts
};

// Extended attributes go to SCHILY.xattr.*, ACLs to SCHILY.acl.*, holes into a GNU.sparse 1.0 map, as GNU tar
// and bsdtar read them. Owners are numbers only. A name that is UTF-8 stands so; any other is written as it
// is, marked hdrcharset=BINARY (GNU tar then restores it right, with a remark that it does not know this
// keyword). Throws what the sink throws, and Error when libarchive fails. One thread.
class TarWriter {
public:
    explicit TarWriter(stream::Sink& sink);
    TarWriter(const TarWriter&) = delete;
    TarWriter& operator=(const TarWriter&) = delete;
    ~TarWriter(); // abandons what was not finished

    // False, and nothing written, for an entry that the format can't say; why() then tells why.
    bool begin(const TarEntry& entry);
    [[nodiscard]] const std::string& why() const noexcept { return why_; }

    // The content: as many bytes as the entry's size, holes by hole().
    void data(std::span<const std::byte> bytes);
    void hole(std::uint64_t length);

    void finish(); // the end of the archive; does not finish the sink

private:
    struct Locale;
    struct Hole;
    void fill(const TarEntry& entry);
    void fill_acl(const std::string& value, int type);
    [[noreturn]] void fail();

    stream::Sink& sink_;
    std::exception_ptr thrown_; // by the sink, on its way past libarchive
    struct ::archive* archive_ = nullptr;
    struct ::archive_entry* entry_ = nullptr;
    std::unique_ptr<Locale> locale_;
    std::unique_ptr<Hole> hole_;
    std::string why_;
    bool finished_ = false;

    static long written(struct ::archive* archive, void* self, const void* bytes, std::size_t size);
};

} // namespace miraclemax::archive
