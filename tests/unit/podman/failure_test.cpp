#include "podman/failure.hpp"

#include <gmock/gmock.h>

namespace miraclemax::podman {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Refusal, GivesPodmansOwnWordsAndTheObject) {
    const auto error = refusal(
        500,
        R"({"cause":"container state improper","message":"can only pause running containers","response":500})",
        "pause container db", "POST x");
    EXPECT_EQ(error.code(), ExitCode::podman);
    EXPECT_STREQ(
        error.what(),
        "podman refused to pause container db: can only pause running containers: container state improper");
}

TEST(Refusal, DoesNotSayTheCauseTwice) {
    const auto error = refusal(404, R"({"cause":"no such container","message":"\"x\": no such container"})",
                               "stop container x", "POST x");
    EXPECT_EQ(error.code(), ExitCode::not_found);
    EXPECT_STREQ(error.what(), "podman refused to stop container x: \"x\": no such container");
}

TEST(Refusal, OfAFilterNamesTheCallToAllow) {
    for (const long status : {401L, 403L, 404L, 405L}) {
        const auto error =
            refusal(status, "Forbidden\n", "pause container db", "POST libpod/containers/{id}/pause");
        EXPECT_EQ(error.code(), ExitCode::podman);
        EXPECT_THAT(error.what(), AllOf(HasSubstr(std::to_string(status)), HasSubstr("Forbidden")));
        EXPECT_THAT(error.remedy(), HasSubstr("POST libpod/containers/{id}/pause"));
    }
}

TEST(Refusal, StaysOneShortLine) {
    const auto error =
        refusal(500, "a\r\nb\x1b[31m" + std::string(100'000, 'x'), "stop container db", "POST x");
    EXPECT_LT(std::string(error.what()).size(), 400U);
    EXPECT_THAT(error.what(), AllOf(Not(HasSubstr("\n")), Not(HasSubstr("\x1b"))));
}

TEST(Refusal, TellsAMissingObjectFromAnUnknownRoute) {
    EXPECT_TRUE(says_no_such(404, R"({"cause":"no such volume","message":"m","response":404})"));
    EXPECT_TRUE(says_no_such(404, R"({"cause":"image not known","message":"m","response":404})"));
    EXPECT_FALSE(says_no_such(404, "Not Found"));
    EXPECT_FALSE(says_no_such(404, R"({"cause":"container already exists","message":"ambiguous"})"));
    EXPECT_FALSE(says_no_such(500, R"({"cause":"no such volume","message":"m"})"));
}

TEST(Refusal, AContainerMayEndWithinTheCall) {
    for (const long status : {404L, 500L}) {
        EXPECT_TRUE(says_no_such_container(status, R"({"cause":"no such container","message":"m"})"));
        EXPECT_TRUE(says_no_such_container(
            status, R"({"cause":"container has already been removed","message":"m"})"));
    }
    EXPECT_FALSE(says_no_such_container(500, R"({"cause":"no such file or directory","message":"m"})"));
    EXPECT_FALSE(says_no_such_container(409, R"({"cause":"no such container","message":"m"})"));
    EXPECT_FALSE(says_no_such_container(500, "no such container"));
}

} // namespace
} // namespace miraclemax::podman
