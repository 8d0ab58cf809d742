// Extended attributes of an entry: xattr(7), POSIX ACLs included.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace miraclemax::archive {

struct Attribute {
    std::string name;
    std::string value;
};

inline constexpr std::string_view kAccessAcl = "system.posix_acl_access";
inline constexpr std::string_view kDefaultAcl = "system.posix_acl_default";

// The SHA-256, in hex, of an entry's attributes: for each, in the order of their names' bytes: name, NUL,
// length of the value in decimal, NUL, value. ACLs are in it under their xattr name with the kernel's value.
// Empty for no attributes.
std::string attributes_digest(const std::vector<Attribute>& attributes);

// Reads user.*, security.*, the two ACLs and, when asked, trusted.* (which needs CAP_SYS_ADMIN). Keeps its
// buffers, and whether the file system knows attributes at all: use one for one file system. One thread.
class AttributeReader {
public:
    explicit AttributeReader(bool trusted);

    // Both fill attributes, sorted by name, and return 0 or the errno of what could not be read (the others
    // are still there). The second is for what must not be opened; it needs /proc.
    int read(int descriptor, std::vector<Attribute>& attributes);
    int read_at(int folder, const char* name, std::vector<Attribute>& attributes);

private:
    template<class List, class Get>
    int collect(const List& list, const Get& get, bool& supported, std::vector<Attribute>& attributes);
    [[nodiscard]] bool wanted(std::string_view name) const;

    bool trusted_;
    bool supported_ = true;         // by files and folders
    bool supported_special_ = true; // by links, FIFOs and devices
    std::string names_;
    std::string value_;
};

} // namespace miraclemax::archive
