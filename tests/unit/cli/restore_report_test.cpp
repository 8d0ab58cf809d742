#include "cli/restore_report.hpp"

#include "unit/catalog/sample.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <sstream>

namespace miraclemax::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

run::RestorePlan plan_with(const std::string& in_place) {
    run::RestorePlan plan;
    plan.groups.push_back({.group = {}, .stop = {}, .items = {}});
    plan.groups.back().stop.stages = {{{.id = "1", .name = "app", .act = quiesce::Act::stop}}};
    plan.groups.back().items.push_back({.id = "20251016_030000",
                                        .from = "2025-10-16T03:00:00+02:00",
                                        .record = test::sample_component("n8n"),
                                        .target = {},
                                        .refusal = {},
                                        .remedy = {},
                                        .in_place = in_place});
    return plan;
}

std::string text_of(const run::RestorePlan& plan, bool as_json = false) {
    std::ostringstream out;
    print_restore_plan(plan, {}, as_json, out);
    return out.str();
}

TEST(RestoreReport, SaysWhatIsRestoredInPlace) {
    const auto text = text_of(plan_with("7.0 MiB needed, 5.0 MiB free"));
    EXPECT_THAT(text, HasSubstr("in place: a safety backup first, stopped for as long as the unpacking takes "
                                "(7.0 MiB needed, 5.0 MiB free)"));
    EXPECT_THAT(text, Not(HasSubstr("renaming")));
    EXPECT_THAT(text_of(plan_with({})), Not(HasSubstr("in place")));
    EXPECT_THAT(text_of(plan_with({})), HasSubstr("renaming"));
    const auto json = nlohmann::json::parse(text_of(plan_with("no room"), true));
    EXPECT_EQ(json.at("components").at(0).at("in_place"), true);
    EXPECT_EQ(json.at("components").at(0).at("in_place_why"), "no room");
}

TEST(RestoreReport, SaysWhereTheOldDataIs) {
    run::RestoreResult result{.run = "r",
                              .items = {},
                              .downtimes = {},
                              .health = {},
                              .unreleased = {},
                              .rolled_back = false,
                              .code = ExitCode::ok};
    result.items.push_back({.component = "n8n",
                            .id = "20251016_030000",
                            .unpacked = {},
                            .left_in_place = {},
                            .failure = {},
                            .remedy = {},
                            .safety = "20251017_120000"});
    std::ostringstream out;
    print_restore_result(result, false, false, out);
    EXPECT_THAT(out.str(), HasSubstr("`miraclemax restore --from-backup 20251017_120000 --component n8n`"));
    result.items.front().failure = "the disk is full";
    result.items.front().put_back = true;
    std::ostringstream failed;
    print_restore_result(result, false, false, failed);
    EXPECT_THAT(failed.str(), HasSubstr("it holds its old data again"));
    EXPECT_THAT(failed.str(), Not(HasSubstr("as it was")));
    std::ostringstream json;
    print_restore_result(result, false, true, json);
    EXPECT_EQ(nlohmann::json::parse(json.str()).at("components").at(0).at("safety_backup"),
              "20251017_120000");
}

} // namespace
} // namespace miraclemax::cli
