#include "catalog/proofs.hpp"

#include "error.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <fstream>

namespace miraclemax::catalog {
namespace {

class ProofsTest : public testing::Test {
protected:
    ProofsTest() {
        char form[] = "/tmp/mmproofs-XXXXXX";
        root = ::mkdtemp(form);
    }
    ~ProofsTest() override { std::filesystem::remove_all(root); }

    const std::string id = "20251016_030000";
    const Proof proof{.examined = "2025-10-16T01:00:00Z",
                      .examined_trouble = "odd \xff \"bytes\"",
                      .components = {{"n8n", {.at = "2025-10-16T01:02:00Z", .trouble = {}}},
                                     {"web", {.at = {}, .trouble = "cut"}}}};
    std::filesystem::path root;
};

TEST_F(ProofsTest, AreKeptPrivatelyAndComeBack) {
    Proofs proofs(root / "state" / "proofs");
    EXPECT_EQ(proofs.of(id), std::nullopt);
    proofs.keep(id, proof);
    const auto kept = Proofs(root / "state" / "proofs").of(id);
    ASSERT_TRUE(kept);
    EXPECT_EQ(kept->examined, proof.examined);
    EXPECT_NE(kept->examined_trouble.find("\"bytes\""), std::string::npos);
    ASSERT_EQ(kept->components.size(), 2U);
    EXPECT_EQ(kept->components.at("n8n").at, "2025-10-16T01:02:00Z");
    EXPECT_EQ(kept->components.at("web").trouble, "cut");
    struct stat folder {};
    struct stat file {};
    ASSERT_EQ(::stat((root / "state/proofs").c_str(), &folder), 0);
    ASSERT_EQ(::stat((root / "state/proofs" / (id + ".json")).c_str(), &file), 0);
    EXPECT_EQ(folder.st_mode & 07777U, 0700U);
    EXPECT_EQ(file.st_mode & 07777U, 0600U);
}

TEST_F(ProofsTest, AreReplacedWhole) {
    Proofs proofs(root);
    proofs.keep(id, proof);
    std::filesystem::create_hard_link(root / (id + ".json"), root / "before");
    const auto size = std::filesystem::file_size(root / "before");
    proofs.keep(id, {.examined = "2025-10-17T01:00:00Z", .examined_trouble = {}, .components = {}});
    EXPECT_EQ(std::filesystem::file_size(root / "before"), size); // the old file itself was not written to
    EXPECT_TRUE(proofs.of(id)->components.empty());
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(root), {}), 2);
}

TEST_F(ProofsTest, ABrokenFileIsNone) {
    Proofs proofs(root);
    proofs.keep(id, proof);
    const auto file = root / (id + ".json");
    const auto size = std::filesystem::file_size(file);
    std::filesystem::resize_file(file, size / 2);
    EXPECT_EQ(proofs.of(id), std::nullopt);
    for (const char* text :
         {"", "[]", "{}", "null", R"({"examined":1,"examined_trouble":"","components":{}})",
          R"({"examined":"","examined_trouble":"","components":{"a":{"at":""}}})",
          R"({"examined":"","examined_trouble":"","components":["a"]})"}) {
        std::ofstream(file) << text;
        EXPECT_EQ(proofs.of(id), std::nullopt) << text;
    }
    proofs.keep(id, proof); // and can be replaced
    EXPECT_TRUE(proofs.of(id));
}

TEST_F(ProofsTest, AreForgotten) {
    Proofs proofs(root);
    proofs.keep(id, proof);
    proofs.forget(id);
    proofs.forget(id);
    EXPECT_EQ(proofs.of(id), std::nullopt);
    EXPECT_THROW(proofs.keep("../x", proof), Error);
    EXPECT_THROW(proofs.forget("../x"), Error);
}

} // namespace
} // namespace miraclemax::catalog
