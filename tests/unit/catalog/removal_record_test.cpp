#include "catalog/removal_record.hpp"

#include "error.hpp"

#include <gmock/gmock.h>

namespace miraclemax::catalog {
namespace {

using testing::HasSubstr;

RemovalRecord sample() {
    return {.id = "20251016_030000",
            .manifest_sha256 = std::string(64, 'a'),
            .previous_known = true,
            .previous_id = "20251015_030000",
            .previous_sha256 = std::string(64, 'b'),
            .previous_record_sha256 = std::string(64, 'c'),
            .removed_utc = "2025-11-16T02:00:00Z",
            .reason = "older than 30 days, and kept by no rule",
            .run = "run",
            .instance = "miraclemax",
            .tool = "miraclemax 0.1.0",
            .signer = std::string(40, 'D'),
            .signer_key = "key"};
}

std::string trouble(const std::string& from, const std::string& to) {
    auto json = to_json(sample());
    json.replace(json.find(from), from.size(), to);
    try {
        (void)parse_removal_record(json);
    } catch (const Error& error) {
        return error.what();
    }
    return "none";
}

TEST(RemovalRecord, ComesBackAsItWasWritten) {
    EXPECT_EQ(to_json(parse_removal_record(to_json(sample()))), to_json(sample()));
    auto first = sample();
    first.previous_id = first.previous_sha256 = first.previous_record_sha256 = "";
    EXPECT_EQ(to_json(parse_removal_record(to_json(first))), to_json(first));
    first.doubt = "is not signed";
    EXPECT_EQ(parse_removal_record(to_json(first)).doubt, "is not signed");
    first.previous_known = false;
    EXPECT_FALSE(parse_removal_record(to_json(first)).previous_known);
}

TEST(RemovalRecord, IsReadStrictly) {
    EXPECT_THAT(trouble("20251016_030000", "../../etc"), HasSubstr("id"));
    EXPECT_THAT(trouble("20251015_030000", "../../etc"), HasSubstr("previous.id"));
    EXPECT_THAT(trouble(std::string(64, 'a'), "a"), HasSubstr("manifest_sha256"));
    EXPECT_THAT(trouble(std::string(64, 'b'), ""), HasSubstr("previous.sha256"));
    EXPECT_THAT(trouble(std::string(64, 'c'), "C"), HasSubstr("previous.record_sha256"));
    EXPECT_THAT(trouble("\"version\": 1", "\"version\": 2"), HasSubstr("newer"));
    EXPECT_THAT(trouble("{", ""), HasSubstr("JSON"));
}

} // namespace
} // namespace miraclemax::catalog
