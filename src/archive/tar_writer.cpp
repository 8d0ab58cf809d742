#include "archive/tar_writer.hpp"

#include "archive/acl.hpp"
#include "error.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <clocale>
#include <utility>

#include <archive.h>
#include <archive_entry.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

namespace miraclemax::archive {

// libarchive asks the locale whether a name is UTF-8. The program's own locale stays as it is.
struct TarWriter::Locale {
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    Locale() = default;
    Locale(const Locale&) = delete;
    Locale& operator=(const Locale&) = delete;
    ~Locale() {
        if (utf8 != nullptr)
            freelocale(utf8);
    }
};

// libarchive wants to be given the bytes of holes too, though it never looks at them: an address range
// without memory behind it lets it step over a terabyte in a thousand calls.
struct TarWriter::Hole {
    static constexpr std::size_t kSize = 1 << 30;
    void* begin = mmap(nullptr, kSize, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    std::string spare = std::string(begin == MAP_FAILED ? 1 << 20 : 0, '\0');
    Hole() = default;
    Hole(const Hole&) = delete;
    Hole& operator=(const Hole&) = delete;
    ~Hole() {
        if (begin != MAP_FAILED)
            munmap(begin, kSize);
    }
    [[nodiscard]] std::span<const std::byte> zeros() const {
        if (begin == MAP_FAILED)
            return std::as_bytes(std::span(spare));
        return {static_cast<const std::byte*>(begin), kSize};
    }
};

namespace {

class InLocale {
public:
    explicit InLocale(locale_t locale) : before_(locale != nullptr ? uselocale(locale) : nullptr) {}
    InLocale(const InLocale&) = delete;
    InLocale& operator=(const InLocale&) = delete;
    ~InLocale() {
        if (before_ != nullptr)
            uselocale(before_);
    }

private:
    locale_t before_;
};

int tag_of(AclEntry::Who who) {
    switch (who) {
    case AclEntry::Who::owner:
        return ARCHIVE_ENTRY_ACL_USER_OBJ;
    case AclEntry::Who::user:
        return ARCHIVE_ENTRY_ACL_USER;
    case AclEntry::Who::group:
        return ARCHIVE_ENTRY_ACL_GROUP_OBJ;
    case AclEntry::Who::named_group:
        return ARCHIVE_ENTRY_ACL_GROUP;
    case AclEntry::Who::mask:
        return ARCHIVE_ENTRY_ACL_MASK;
    case AclEntry::Who::other:
        break;
    }
    return ARCHIVE_ENTRY_ACL_OTHER;
}

bool has_id(AclEntry::Who who) {
    return who == AclEntry::Who::user || who == AclEntry::Who::named_group;
}

std::string text_of(struct ::archive* archive) {
    const char* text = archive_error_string(archive);
    return text != nullptr ? text : "libarchive gives no reason";
}

// A UTF-16 pair written as two characters (CESU-8, Unicode Technical Report 26): libarchive joins them, and
// so stores another name.
bool has_surrogate_pair(const std::string& name) {
    const auto byte = [&](std::size_t at) {
        return at < name.size() ? static_cast<unsigned char>(name[at]) : 0U;
    };
    for (std::size_t at = name.find('\xED'); at != std::string::npos; at = name.find('\xED', at + 1))
        if ((byte(at + 1) & 0xF0U) == 0xA0U && byte(at + 3) == 0xEDU && (byte(at + 4) & 0xF0U) == 0xB0U)
            return true;
    return false;
}

} // namespace

timespec archived_time(const timespec& time) {
    if (time.tv_sec == -1 && time.tv_nsec != 0)
        return {.tv_sec = -1, .tv_nsec = 0};
    return time;
}

bool restorable(std::string_view attribute) {
    return std::all_of(attribute.begin(), attribute.end(), [](char c) { return c > ' ' && c <= '~'; });
}

TarWriter::TarWriter(stream::Sink& sink)
    : sink_(sink), archive_(archive_write_new()), entry_(archive_entry_new()),
      locale_(std::make_unique<Locale>()) {
    const bool ready =
        archive_ != nullptr && entry_ != nullptr && archive_write_set_format_pax(archive_) == ARCHIVE_OK &&
        archive_write_set_format_option(archive_, "pax", "xattrheader", "SCHILY") == ARCHIVE_OK &&
        archive_write_set_bytes_per_block(archive_, 256 << 10) == ARCHIVE_OK &&
        archive_write_set_bytes_in_last_block(archive_, 512) == ARCHIVE_OK &&
        archive_write_open(archive_, this, nullptr, written, nullptr) == ARCHIVE_OK;
    if (ready)
        return;
    const std::string reason = archive_ != nullptr ? text_of(archive_) : "out of memory";
    archive_entry_free(entry_);
    archive_write_free(archive_);
    throw Error(ExitCode::failed, "a tar writer can't be set up: " + reason);
}

TarWriter::~TarWriter() {
    if (!finished_)
        archive_write_fail(archive_); // so that freeing writes no end of archive
    archive_write_free(archive_);
    archive_entry_free(entry_);
}

long TarWriter::written(struct ::archive* archive, void* self, const void* bytes, std::size_t size) {
    auto& writer = *static_cast<TarWriter*>(self);
    if (writer.thrown_ == nullptr) {
        try {
            writer.sink_.write({static_cast<const std::byte*>(bytes), size});
            return static_cast<long>(size);
        } catch (...) {
            writer.thrown_ = std::current_exception();
        }
    }
    archive_set_error(archive, EIO, "the next stage failed");
    return -1;
}

void TarWriter::fail() {
    if (thrown_ != nullptr)
        std::rethrow_exception(thrown_);
    throw Error(ExitCode::failed, "the archive can't be written: " + text_of(archive_));
}

void TarWriter::fill_acl(const std::string& value, int type) {
    for (const AclEntry& one : parse_acl(value)) {
        // libarchive's ids are ints, and it writes a negative one as 0, which is root's. A name that is a
        // number is taken for that number by every tar.
        const bool beyond = has_id(one.who) && one.id > INT_MAX;
        const std::string number = std::to_string(one.id);
        archive_entry_acl_add_entry(entry_, type, static_cast<int>(one.permissions), tag_of(one.who),
                                    has_id(one.who) && !beyond ? static_cast<int>(one.id) : -1,
                                    beyond ? number.c_str() : nullptr);
    }
}

void TarWriter::fill(const TarEntry& entry) {
    const struct stat& status = entry.status;
    archive_entry_clear(entry_);
    archive_entry_copy_pathname(entry_, entry.name.c_str());
    archive_entry_set_mode(entry_, status.st_mode);
    archive_entry_set_uid(entry_, status.st_uid);
    archive_entry_set_gid(entry_, status.st_gid);
    // Before 1970 the fraction has to be what stands behind the minus sign, away from zero.
    timespec time = archived_time(status.st_mtim);
    if (time.tv_sec < 0 && time.tv_nsec != 0)
        time = {.tv_sec = time.tv_sec + 1, .tv_nsec = 1'000'000'000 - time.tv_nsec};
    archive_entry_set_mtime(entry_, time.tv_sec, time.tv_nsec);
    archive_entry_set_size(entry_, 0);
    if (!entry.hardlink.empty()) {
        archive_entry_copy_hardlink(entry_, entry.hardlink.c_str());
        return;
    }
    if (S_ISLNK(status.st_mode))
        archive_entry_copy_symlink(entry_, entry.symlink.c_str());
    if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
        archive_entry_set_rdevmajor(entry_, major(status.st_rdev));
        archive_entry_set_rdevminor(entry_, minor(status.st_rdev));
    }
    if (S_ISREG(status.st_mode))
        archive_entry_set_size(entry_, status.st_size);
    if (entry.map != nullptr && entry.map->empty())
        archive_entry_sparse_add_entry(entry_, 0, 0); // how libarchive says "one hole"
    if (entry.map != nullptr)
        for (const Extent& part : *entry.map)
            archive_entry_sparse_add_entry(entry_, static_cast<la_int64_t>(part.offset),
                                           static_cast<la_int64_t>(part.length));
    for (const Attribute& attribute : entry.attributes) {
        if (attribute.name == kAccessAcl)
            fill_acl(attribute.value, ARCHIVE_ENTRY_ACL_TYPE_ACCESS);
        else if (attribute.name == kDefaultAcl)
            fill_acl(attribute.value, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT);
        else
            archive_entry_xattr_add_entry(entry_, attribute.name.c_str(), attribute.value.data(),
                                          attribute.value.size());
    }
}

bool TarWriter::begin(const TarEntry& entry) {
    if (has_surrogate_pair(entry.name) || has_surrogate_pair(entry.symlink) ||
        has_surrogate_pair(entry.hardlink)) {
        why_ = "its name holds a UTF-16 pair as two characters (CESU-8), which libarchive stores as another "
               "name";
        return false;
    }
    fill(entry);
    const InLocale scope(locale_->utf8);
    const int result = archive_write_header(archive_, entry_);
    if (result == ARCHIVE_FATAL || thrown_ != nullptr)
        fail();
    if (result == ARCHIVE_FAILED) {
        why_ = text_of(archive_);
        return false;
    }
    return true; // ARCHIVE_WARN is libarchive's word on names that are not UTF-8
}

void TarWriter::data(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const la_ssize_t count = archive_write_data(archive_, bytes.data(), bytes.size());
        if (count <= 0)
            fail();
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
}

void TarWriter::hole(std::uint64_t length) {
    if (length != 0 && hole_ == nullptr)
        hole_ = std::make_unique<Hole>();
    while (length != 0) {
        const auto zeros = hole_->zeros();
        const std::uint64_t part = std::min<std::uint64_t>(length, zeros.size());
        data(zeros.first(static_cast<std::size_t>(part)));
        length -= part;
    }
}

void TarWriter::finish() {
    if (archive_write_close(archive_) != ARCHIVE_OK || thrown_ != nullptr)
        fail();
    finished_ = true;
}

} // namespace miraclemax::archive
