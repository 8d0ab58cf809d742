#include "archive/attributes.hpp"

#include "stream/digest.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/xattr.h>

namespace miraclemax::archive {
namespace {

// XATTR_LIST_MAX and XATTR_SIZE_MAX of the kernel: nothing is ever longer.
constexpr std::size_t kLongest = 65536;

stream::Bytes bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
}

} // namespace

std::string attributes_digest(const std::vector<Attribute>& attributes) {
    if (attributes.empty())
        return {};
    stream::Sha256 hash;
    for (const Attribute& attribute : attributes) {
        const std::string head = attribute.name + '\0' + std::to_string(attribute.value.size()) + '\0';
        hash.update(bytes(head));
        hash.update(bytes(attribute.value));
    }
    return hash.hex();
}

AttributeReader::AttributeReader(bool trusted)
    : trusted_(trusted), names_(kLongest, '\0'), value_(kLongest, '\0') {}

bool AttributeReader::wanted(std::string_view name) const {
    return name.starts_with("user.") || name.starts_with("security.") || name == kAccessAcl ||
           name == kDefaultAcl || (trusted_ && name.starts_with("trusted."));
}

template<class List, class Get>
int AttributeReader::collect(const List& list, const Get& get, bool& supported,
                             std::vector<Attribute>& attributes) {
    attributes.clear();
    if (!supported)
        return 0;
    const ssize_t length = list(names_.data(), names_.size());
    if (length < 0) {
        if (errno != ENOTSUP)
            return errno;
        supported = false;
        return 0;
    }
    int failed = 0;
    for (std::string_view rest(names_.data(), static_cast<std::size_t>(length)); !rest.empty();) {
        const std::string_view name = rest.substr(0, rest.find('\0'));
        rest.remove_prefix(std::min(rest.size(), name.size() + 1));
        if (!wanted(name))
            continue;
        std::string text(name);
        const ssize_t size = get(text.c_str(), value_.data(), value_.size());
        if (size >= 0)
            attributes.push_back(
                {.name = std::move(text), .value = value_.substr(0, static_cast<std::size_t>(size))});
        else if (errno != ENODATA)
            failed = errno;
    }
    std::sort(attributes.begin(), attributes.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    return failed;
}

int AttributeReader::read(int descriptor, std::vector<Attribute>& attributes) {
    return collect(
        [=](char* to, std::size_t size) { return flistxattr(descriptor, to, size); },
        [=](const char* name, char* to, std::size_t size) { return fgetxattr(descriptor, name, to, size); },
        supported_, attributes);
}

int AttributeReader::read_at(int folder, const char* name, std::vector<Attribute>& attributes) {
    const std::string path = "/proc/self/fd/" + std::to_string(folder) + "/" + name;
    return collect(
        [&](char* to, std::size_t size) { return llistxattr(path.c_str(), to, size); },
        [&](const char* key, char* to, std::size_t size) { return lgetxattr(path.c_str(), key, to, size); },
        supported_special_, attributes);
}

} // namespace miraclemax::archive
