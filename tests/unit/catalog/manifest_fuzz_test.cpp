// The fuzz target, so that it never rots, and its seeds: with MIRACLEMAX_FUZZ_CORPUS=<folder> they are kept.
#include "fuzz/manifest_fuzz.cpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <vector>

namespace miraclemax::catalog {
namespace {

TEST(ManifestFuzz, TakesItsSeeds) {
    Manifest manifest;
    manifest.id = "20251016_030000";
    manifest.host = "host";
    manifest.tool = "miraclemax 0.1.0";
    manifest.began = "2025-10-16T03:00:00+02:00";
    manifest.ended = "2025-10-16T03:00:05+02:00";
    manifest.ended_utc = "2025-10-16T01:00:05Z";
    ComponentRecord record;
    record.name = "n8n";
    record.category = "databases";
    record.archive.file.path = "databases/n8n.tar.gz";
    record.source.labels["a"] = "b";
    record.freeze.containers.push_back({.name = "c", .id = "1", .how = "pause", .milliseconds = 5});
    manifest.components.push_back(record);
    const std::string whole = to_json(manifest);
    std::vector<std::string> seeds{whole,
                                   "",
                                   "{}",
                                   "[]",
                                   "{\"version\": 2}",
                                   whole.substr(0, whole.size() / 2),
                                   "\xff\xfe",
                                   std::string(10000, '[')};
    for (std::size_t i = 0; i < seeds.size(); ++i) {
        if (const char* corpus = std::getenv("MIRACLEMAX_FUZZ_CORPUS"); corpus != nullptr) {
            const auto folder = std::filesystem::path(corpus) / "manifest";
            std::filesystem::create_directories(folder);
            std::ofstream(folder / std::to_string(i), std::ios::binary) << seeds[i];
        }
        EXPECT_EQ(
            LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(seeds[i].data()), seeds[i].size()),
            0)
            << i;
    }
}

} // namespace
} // namespace miraclemax::catalog
