// libFuzzer: unpack() with any tar and any inventory. The input: a byte of flags, one of entries and one of
// files that are promised, the inventory's length in two bytes (little-endian), the inventory, the tar. Size
// and sha256 are promised as they are, and the checksums of headers are put right, so that mutations get past
// them.
#include "archive/unpack.hpp"
#include "error.hpp"
#include "stream/digest.hpp"
#include "stream/file.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;
using namespace miraclemax;

constexpr unsigned kLayDown = 1, kSingle = 2, kOnly = 4;

class Text : public stream::Source {
public:
    explicit Text(std::string_view text) : text_(text) {}
    std::size_t read(std::span<std::byte> into) override {
        const std::size_t size = std::min(into.size(), text_.size());
        std::memcpy(into.data(), text_.data(), size);
        text_.remove_prefix(size);
        return size;
    }

private:
    std::string_view text_;
};

void put_sums_right(std::string& tar) {
    for (std::size_t at = 0; at + 512 <= tar.size(); at += 512) {
        if (std::memcmp(tar.data() + at + 257, "ustar", 5) != 0)
            continue;
        std::memset(tar.data() + at + 148, ' ', 8);
        unsigned sum = 0;
        for (std::size_t i = 0; i < 512; ++i)
            sum += static_cast<unsigned char>(tar[at + i]);
        std::snprintf(tar.data() + at + 148, 8, "%06o", sum);
    }
}

// A folder to lay entries into, in a folder with a file that must stay as it is.
class Place {
public:
    Place() {
        std::string name =
            (fs::exists("/dev/shm") ? "/dev/shm" : fs::temp_directory_path().string()) + "/fuzz-XXXXXX";
        if (mkdtemp(name.data()) == nullptr)
            std::abort();
        path_ = name;
        fs::create_directory(path_ / "into");
        stream::write_file(path_ / "canary", "alive");
        into_ = stream::Descriptor(open((path_ / "into").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    [[nodiscard]] int into() const { return into_.get(); }
    [[nodiscard]] bool untouched() const {
        return std::distance(fs::directory_iterator(path_), fs::directory_iterator()) == 2 &&
               stream::read_file(path_ / "canary", 100) == "alive";
    }

private:
    fs::path path_;
    stream::Descriptor into_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t head = 5;
    if (size < head)
        return 0;
    const std::string_view all(reinterpret_cast<const char*>(data), size);
    const std::size_t length = std::min<std::size_t>(data[3] + 256U * data[4], size - head);
    const std::string_view inventory = all.substr(head, length);
    std::string tar(all.substr(head + length));
    put_sums_right(tar);
    const archive::Promise promise{.prefix = "data",
                                   .single = (data[0] & kSingle) != 0,
                                   .entries = data[1],
                                   .files = data[2],
                                   .tar_size = tar.size(),
                                   .tar_sha256 = stream::sha256_of(tar)};
    const archive::UnpackOptions options{.only = (data[0] & kOnly) != 0 ? "d" : ""};
    const auto run = [&](int into) {
        Text tar_source(tar), inventory_source(inventory);
        try {
            (void)archive::unpack(tar_source, inventory_source, promise, into, options, {});
        } catch (const Error&) {
            return;
        }
    };
    if ((data[0] & kLayDown) == 0) {
        run(-1);
        return 0;
    }
    const Place place;
    run(place.into());
    if (!place.untouched())
        std::abort();
    return 0;
}
