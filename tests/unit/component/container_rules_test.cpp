#include "host_of.hpp"

#include "error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace miraclemax::component {
namespace {

ContainerRules rules(podman::Labels labels) {
    return rules_of(test::container("db", {}, std::move(labels)));
}

TEST(ContainerRules, ReadsHooksAndQuiesce) {
    const auto all = rules({{"miraclemax.quiesce", "stop"},
                            {"miraclemax.hook.before", R"(["psql","-c","CHECKPOINT"])"},
                            {"miraclemax.hook.after", "postgres-15"},
                            {"miraclemax.hook.timeout", "1500ms"}});
    EXPECT_EQ(all.quiesce, Quiesce::stop);
    EXPECT_EQ(all.before.argv, (std::vector<std::string>{"psql", "-c", "CHECKPOINT"}));
    EXPECT_EQ(all.after.ready, "postgres-15");
    EXPECT_EQ(all.hook_timeout, std::chrono::seconds(2)); // never shorter than asked for
    const auto none = rules({});
    EXPECT_FALSE(none.quiesce);
    EXPECT_TRUE(none.before.empty());
    EXPECT_EQ(none.hook_timeout, std::chrono::seconds(30));
}

TEST(ContainerRules, AWrongLabelNamesItselfAndTheContainer) {
    const std::vector<std::pair<std::string, std::string>> wrong{
        {"miraclemax.quiesce", "Stop"},
        {"miraclemax.hook.before", "pg_dump all"},
        {"miraclemax.hook.before", "../evil"},
        {"miraclemax.hook.before", "[]"},
        {"miraclemax.hook.before", R"([""])"},
        {"miraclemax.hook.before", R"(["a",1])"},
        {"miraclemax.hook.before", R"(["a")"},
        {"miraclemax.hook.before", ""},
        {"miraclemax.hook.before", R"(["a\u0000b"])"},
        {"miraclemax.hook.timeout", "0"}};
    for (const auto& [label, value] : wrong)
        try {
            (void)rules({{label, value}});
            ADD_FAILURE() << label << "=" << value;
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::config);
            EXPECT_THAT(error.what(),
                        testing::AllOf(testing::HasSubstr(label), testing::HasSubstr("container db")));
            EXPECT_NE(error.remedy(), "");
        }
}

} // namespace
} // namespace miraclemax::component
