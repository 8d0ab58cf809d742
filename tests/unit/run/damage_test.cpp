#include "unit/run/stored_backup.hpp"

#include "run/stored_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <random>

namespace miraclemax::run {
namespace {

// What examine() does but for the signature, whose gpg would take minutes for so many.
bool found(const std::filesystem::path& backup, const catalog::Manifest& manifest,
           const std::string& component) {
    std::vector<Fault> faults;
    const auto json = read_stored(backup / "manifest.json", std::size_t{1} << 20U);
    const auto present = check_layout(backup, manifest, faults);
    check_sums(backup, manifest, stream::sha256_of(json.value_or("")), present, faults);
    check_content(backup, manifest, present, {.components = {component}, .progress = {}}, faults);
    return !faults.empty();
}

struct Bit {
    std::string file;
    std::uint64_t at;
};

// Every bit of every file has the same chance, but the small ones have some for themselves.
std::vector<Bit> bits(const std::filesystem::path& backup, const std::vector<std::string>& files,
                      std::size_t count) {
    std::mt19937_64 random(20251016);
    std::uint64_t total = 0;
    for (const auto& file : files)
        total += std::filesystem::file_size(backup / file) * 8;
    std::vector<Bit> chosen;
    for (std::size_t i = 0; i < count; ++i) {
        auto at = random() % total;
        for (const auto& file : files) {
            const auto size = std::filesystem::file_size(backup / file) * 8;
            if (i % 20 == 0) { // of a file first, then of its bits
                const auto& one = files[i / 20 % files.size()];
                chosen.push_back({one, random() % (std::filesystem::file_size(backup / one) * 8)});
                break;
            }
            if (at < size) {
                chosen.push_back({file, at});
                break;
            }
            at -= size;
        }
    }
    return chosen;
}

void flip(const std::filesystem::path& file, std::uint64_t at) {
    const stream::Descriptor open(::open(file.c_str(), O_RDWR | O_CLOEXEC));
    char byte = 0;
    ASSERT_EQ(::pread(open.get(), &byte, 1, static_cast<off_t>(at / 8)), 1);
    byte = static_cast<char>(byte ^ (1 << (at % 8)));
    ASSERT_EQ(::pwrite(open.get(), &byte, 1, static_cast<off_t>(at / 8)), 1);
}

std::string component_of(const catalog::Manifest& manifest, const std::string& file) {
    const auto named = named_files(manifest);
    const auto one = named.find(file);
    return one == named.end() ? "none" : one->second.component;
}

TEST_F(StoredBackups, EachOf2000FlippedBitsIsFound) {
    const auto id = store({"n8n", "web"}, 40'000);
    const auto manifest = catalog::parse_manifest(content_of(path(id, "manifest.json")));
    ASSERT_FALSE(found(path(id), manifest, "n8n") || found(path(id), manifest, "web"));
    int by_signature = 0;
    for (const auto& bit : bits(path(id), files(id), 2000)) {
        flip(path(id, bit.file), bit.at);
        if (bit.file == "manifest.json.sig") {
            ++by_signature;
            EXPECT_FALSE(look(id).good()) << bit.file << " bit " << bit.at;
        } else {
            EXPECT_TRUE(found(path(id), manifest, component_of(manifest, bit.file)))
                << bit.file << " bit " << bit.at;
        }
        flip(path(id, bit.file), bit.at);
    }
    EXPECT_GE(by_signature, 10);
    EXPECT_TRUE(look(id).good());
}

TEST_F(StoredBackups, EveryTruncationToA64KibibyteStepIsFound) {
    const auto id = store({"n8n"}, 300'000);
    const auto manifest = catalog::parse_manifest(content_of(path(id, "manifest.json")));
    int cuts = 0;
    for (const auto& file : files(id)) {
        const auto content = content_of(path(id, file));
        for (std::size_t size = 0; size < content.size(); size += std::size_t{64} << 10U) {
            overwrite(path(id, file), content.substr(0, size));
            EXPECT_FALSE(look(id).good()) << file << " cut to " << size;
            ++cuts;
        }
        overwrite(path(id, file), content);
    }
    EXPECT_GT(cuts, 15);
    EXPECT_TRUE(look(id).good());
}

} // namespace
} // namespace miraclemax::run
