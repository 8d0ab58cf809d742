#include "catalog/run_record.hpp"

#include "unit/store/scratch.hpp"

#include <gmock/gmock.h>

namespace miraclemax::catalog {
namespace {

using ::testing::ElementsAre;

TEST(RunRecords, TrimmingLeavesTheNewestThatWasWholeAndCountsPartialOnesApart) {
    const test::Scratch scratch;
    RunRecords records(scratch / "runs");
    const auto keep = [&](const std::string& run, int code, bool partial) {
        records.keep({.run = run,
                      .kind = "backup",
                      .began = "2025-10-16T01:00:0" + run + "Z",
                      .ended = "2025-10-16T01:01:00Z",
                      .code = code,
                      .partial = partial});
    };
    keep("0", 0, false);
    keep("1", 0, false);
    keep("2", 1, false);
    for (const char* each : {"3", "4", "5", "6"})
        keep(each, 0, true);
    keep("7", 1, false);
    keep("8", 1, false);
    records.trim(2);
    std::vector<std::string> left;
    for (const auto& each : records.all())
        left.push_back(each.run);
    EXPECT_THAT(left, ElementsAre("1", "5", "6", "7", "8"));
}

} // namespace
} // namespace miraclemax::catalog
