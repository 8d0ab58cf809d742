#include "telemetry/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <regex>
#include <sstream>

namespace miraclemax::telemetry {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Log, TextLinesCannotBeForged) {
    std::ostringstream out;
    Log log(out, LogFormat::text, LogLevel::info);
    log.say("volume a\nerror all is lost\x1b[2J\xff {} %v");
    EXPECT_TRUE(std::regex_match(
        out.str(),
        std::regex(
            "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d[+-]\\d\\d:\\d\\d info volume a\\\\x0aerror all is "
            "lost\\\\x1b\\[2J\\\\xff \\{\\} %v\n")))
        << out.str();
}

TEST(Log, JsonLinesParse) {
    std::ostringstream out;
    Log log(out, LogFormat::json, LogLevel::debug);
    log.say(LogLevel::warning, "a \"b\" \\ grün\n\xff %v");
    const auto line = nlohmann::json::parse(out.str());
    EXPECT_EQ(line["level"], "warning");
    EXPECT_EQ(line["message"], "a \"b\" \\ grün\\x0a\\xff %v");
    EXPECT_TRUE(
        std::regex_match(line["time"].get<std::string>(),
                         std::regex("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}[+-]\\d\\d:\\d\\d")));
    EXPECT_EQ(out.str().find('\n'), out.str().size() - 1);
}

TEST(Log, SaysWhatIsWantedAndKeepsTheLastTwenty) {
    std::ostringstream out;
    Log log(out, LogFormat::json, LogLevel::warning);
    log.say("quiet");
    EXPECT_EQ(out.str(), "");
    for (int i = 0; i < 20; ++i)
        log.say(LogLevel::error, "line " + std::to_string(i));
    const auto last = log.last();
    EXPECT_EQ(std::count(last.begin(), last.end(), '\n'), 20);
    EXPECT_THAT(last, Not(HasSubstr("quiet")));
    EXPECT_THAT(last, HasSubstr(" error line 0\n"));
    EXPECT_THAT(last, HasSubstr(" error line 19\n"));
    log.say("one more");
    EXPECT_THAT(log.last(), Not(HasSubstr(" line 0\n")));
    EXPECT_THAT(log.last(), HasSubstr(" info one more\n"));
}

TEST(Log, KnowsItsWords) {
    EXPECT_EQ(log_level_from("warning"), LogLevel::warning);
    EXPECT_EQ(log_level_from("loud"), std::nullopt);
    EXPECT_EQ(log_format_from("json"), LogFormat::json);
    EXPECT_EQ(log_format_from(""), std::nullopt);
}

} // namespace
} // namespace miraclemax::telemetry
