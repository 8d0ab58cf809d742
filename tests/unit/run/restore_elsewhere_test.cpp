// A restore to where nothing was, or into a folder beside the original.
#include "unit/run/restoring_house.hpp"

#include <gmock/gmock.h>

namespace miraclemax::run {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Elsewhere : public Restoring {
protected:
    [[nodiscard]] static std::vector<std::string> all_in(const std::filesystem::path& folder) {
        std::vector<std::string> found;
        for (const auto& entry : std::filesystem::directory_iterator(folder))
            found.push_back(entry.path().filename());
        std::sort(found.begin(), found.end());
        return found;
    }
    [[nodiscard]] static std::string text_of(const std::filesystem::path& path) {
        std::ifstream file(path);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    RestoreResult to(const std::filesystem::path& folder, const std::string& only = {}) {
        return restore_all({.components = {"data"}, .to = folder, .only = only});
    }
};

TEST_F(Elsewhere, ANewFolderHoldsNothingButTheData) {
    back_up();
    EXPECT_EQ(to(root / "new/place").code, ExitCode::ok);
    EXPECT_THAT(all_in(root / "new/place/data"), ElementsAre("file"));
    std::filesystem::create_directories(root / "empty/data");
    EXPECT_EQ(to(root / "empty").code, ExitCode::ok);
    EXPECT_THAT(all_in(root / "empty/data"), ElementsAre("file"));
    EXPECT_TRUE(RestoreRecords(settings).all().empty());
}

TEST_F(Elsewhere, AFolderThatHoldsSomethingIsLeftAsItIs) {
    back_up();
    std::filesystem::create_directories(root / "used/data");
    std::ofstream(root / "used/data/other") << "of somebody";
    const auto result = to(root / "used");
    EXPECT_EQ(result.code, ExitCode::failed);
    ASSERT_EQ(result.items.size(), 1U);
    EXPECT_THAT(result.items.front().failure, HasSubstr("something in " + (root / "used/data").string()));
    EXPECT_THAT(all_in(root / "used/data"), ElementsAre("other"));
    EXPECT_TRUE(RestoreRecords(settings).all().empty());
}

TEST_F(Elsewhere, APartOfItGoesBesideWhatIsThere) {
    write("data", "second", "2");
    back_up();
    EXPECT_EQ(to(root / "parts", "file").code, ExitCode::ok);
    EXPECT_EQ(to(root / "parts", "second").code, ExitCode::ok);
    EXPECT_THAT(all_in(root / "parts/data"), ElementsAre("file", "second"));
    EXPECT_TRUE(RestoreRecords(settings).all().empty());
    // Over one that is there: that lies aside, and who asked for it is told where.
    std::ofstream(root / "parts/data/second") << "of somebody";
    recorder.warnings.clear();
    EXPECT_EQ(to(root / "parts", "second").code, ExitCode::ok);
    EXPECT_EQ(text_of(root / "parts/data/second"), "2");
    ASSERT_EQ(recorder.warnings.size(), 1U);
    EXPECT_THAT(recorder.warnings.front(), HasSubstr("--discard-old --component data"));
    EXPECT_THAT(discard_all(), ElementsAre("data"));
    EXPECT_THAT(all_in(root / "parts/data"), ElementsAre("file", "second"));
}

// The folder of a component that is no volume, as on a new host.
TEST_F(Elsewhere, AHostFolderThatIsMadeHoldsNothingButTheData) {
    const auto id = back_up().manifest.id;
    auto planned = plan();
    auto& item = planned.groups.front().items.front();
    auto& source = item.target.source;
    source = {.kind = component::Source::Kind::path, .path = root / "srv/data"};
    planned.groups.front().group.members = {item.target};
    EXPECT_EQ(restore(context(), follower, std::move(planned), {}, {}).code, ExitCode::ok);
    EXPECT_THAT(all_in(root / "srv/data"), ElementsAre("file"));
    EXPECT_TRUE(RestoreRecords(settings).all().empty());
}

} // namespace
} // namespace miraclemax::run
