#include "telemetry/metrics.hpp"

#include "unit/telemetry/sample.hpp"

#include <gmock/gmock.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

namespace miraclemax::telemetry {
namespace {

using testing::HasSubstr;
using testing::Not;

// The sample lines of one metric, each as "labels value".
std::vector<std::string> samples(const std::string& text, const std::string& name) {
    std::vector<std::string> out;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with("miraclemax_" + name + "{") || line.starts_with("miraclemax_" + name + " "))
            out.push_back(line.substr(11 + name.size()));
    return out;
}

class Folder {
public:
    Folder() { path_ = ::mkdtemp(form_); }
    ~Folder() { std::filesystem::remove_all(path_); }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    char form_[32] = "/tmp/mmtele-XXXXXX";
    std::filesystem::path path_;
};

TEST(Metrics, TellsTheSeedsFourWithoutLabels) {
    const auto text = metrics_text(healthy_status());
    EXPECT_THAT(text, HasSubstr("\nmiraclemax_backup_success 1\n"));
    EXPECT_THAT(text, HasSubstr("\nmiraclemax_backup_timestamp 1760576442\n"));
    EXPECT_THAT(text, HasSubstr("\nmiraclemax_backup_size_bytes 2516582400\n"));
    EXPECT_THAT(text, HasSubstr("\nmiraclemax_backup_duration_seconds 42\n"));
}

TEST(Metrics, TellsEverythingElse) {
    const auto text = metrics_text(troubled_status());
    using testing::Contains;
    const auto has = [&](const std::string& name, const std::string& sample) {
        EXPECT_THAT(samples(text, name), Contains(sample)) << name;
    };
    has("build_info", "{version=\"0.1.0\"} 1");
    has("backup_success", " 0");
    has("backup_timestamp", " 1760317239");
    has("last_run_exit_code", " 3");
    has("containers_not_restored", " 1");
    has("component_last_good_timestamp_seconds", "{component=\"n8n\",category=\"databases\"} 1760317212");
    has("component_success", "{component=\"n8n\"} 0");
    has("component_success", "{component=\"gitea\"} 1");
    has("component_stored_bytes", "{component=\"vaultwarden\"} 2076180");
    has("component_read_bytes", "{component=\"vaultwarden\"} 6228540");
    has("component_files", "{component=\"vaultwarden\"} 20");
    has("component_changed_entries", "{component=\"grafana\"} 2");
    has("component_skipped_entries", "{component=\"grafana\"} 1");
    has("component_verified_timestamp_seconds", "{component=\"gitea\"} 1760236200");
    has("component_verify_success", "{component=\"gitea\"} 1");
    has("component_verify_success", "{component=\"nextcloud\"} 0");
    has("component_restored_timestamp_seconds", "{component=\"postgres\"} 1759636800");
    has("tier_up", "{tier=\"local\"} 1");
    has("tier_up", "{tier=\"offsite\"} 0");
    has("tier_backups", "{tier=\"local\"} 30");
    has("tier_stored_bytes", "{tier=\"local\"} 63963136000");
    has("tier_free_bytes", "{tier=\"local\"} 188743680000");
    has("tier_newest_timestamp_seconds", "{tier=\"offsite\"} 1759194000");
    has("next_run_timestamp_seconds", "{run=\"backup\"} 1760662800");
    has("key_usable", "{fingerprint=\"89ABCDEF0123456789ABCDEF0123456789ABCDEF\"} 0");
    has("key_expiry_timestamp_seconds",
        "{fingerprint=\"0123456789ABCDEF0123456789ABCDEF01234567\"} 1811808000");
    has("notifications_sent_total", " 12");
    has("notifications_failed_total", " 1");
    has("notifications_waiting", " 2");
    has("tier_until_full_seconds", "{tier=\"nas\"} 1486080");
    EXPECT_EQ(samples(text, "component_success").size(), 8U); // one was never tried
}

TEST(Metrics, WritesPartsOfASecond) {
    auto status = healthy_status();
    status.components[0].freeze_milliseconds = 96;
    EXPECT_EQ(samples(metrics_text(status), "component_freeze_seconds").at(0),
              "{component=\"postgres\"} 0.096");
}

TEST(Metrics, WhatNeverHappenedIsAbsent) {
    Status status;
    status.components.push_back({.name = "new"});
    const auto text = metrics_text(status);
    for (const auto* name :
         {"backup_success", "backup_timestamp", "backup_size_bytes", "backup_duration_seconds",
          "last_run_exit_code", "component_success", "component_stored_bytes",
          "component_last_good_timestamp_seconds", "component_verified_timestamp_seconds",
          "component_restored_timestamp_seconds", "component_verify_success"})
        EXPECT_THAT(text, Not(HasSubstr(name))) << name;
    EXPECT_THAT(text, HasSubstr("\nmiraclemax_containers_not_restored 0\n"));
}

TEST(Metrics, AFailedFirstRunIsToldAndHasNoTimestamp) {
    Status status;
    status.last_run = RunStatus{.id = "1", .ok = false, .code = 1, .message = "no"};
    const auto text = metrics_text(status);
    EXPECT_THAT(text, HasSubstr("\nmiraclemax_backup_success 0\n"));
    EXPECT_THAT(text, Not(HasSubstr("miraclemax_backup_timestamp")));
    EXPECT_THAT(text, Not(HasSubstr("miraclemax_backup_size_bytes")));
}

// Else every failure would look like a backup that has shrunk to nothing.
TEST(Metrics, ARunThatStoredNothingLeavesTheSize) {
    auto status = healthy_status();
    status.last_run->ok = false;
    status.last_run->stored = 0;
    status.runs.back().stored = 0;
    EXPECT_EQ(samples(metrics_text(status), "backup_size_bytes").at(0),
              " " + std::to_string(status.runs[28].stored));
}

TEST(Metrics, ATierThatCannotBeReachedWasNotMeasured) {
    const auto text = metrics_text(troubled_status());
    EXPECT_THAT(text, HasSubstr("miraclemax_tier_up{tier=\"offsite\"} 0"));
    EXPECT_THAT(text, Not(HasSubstr("tier_free_bytes{tier=\"offsite\"}")));
}

TEST(Metrics, NamesCannotBreakTheFormat) {
    auto status = healthy_status();
    status.components[0].name = "a\"} 1\nevil{x=\"\\";
    status.components[1].name = "bad \xFF\xC0\x80 bytes";
    const auto text = metrics_text(status);
    EXPECT_THAT(text, HasSubstr("component_success{component=\"a\\\"} 1\\nevil{x=\\\"\\\\\"} 1\n"));
    EXPECT_THAT(text, Not(HasSubstr("\nevil")));
    EXPECT_THAT(text, HasSubstr("component=\"bad \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD bytes\""));
}

TEST(Metrics, EachNameHasItsHelpAndTypeOnce) {
    const auto text = metrics_text(troubled_status());
    std::set<std::string> helped;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with("# HELP ")) {
            const auto name = line.substr(7, line.find(' ', 7) - 7);
            EXPECT_TRUE(helped.insert(name).second) << name;
            EXPECT_THAT(text,
                        HasSubstr("# TYPE " + name + (name.ends_with("_total") ? " counter" : " gauge")));
        }
    EXPECT_GE(helped.size(), 30U);
}

TEST(Metrics, PromtoolFindsNothingToSay) {
    if (std::system("command -v promtool >/dev/null 2>&1") != 0)
        GTEST_SKIP() << "promtool is not installed (Debian: prometheus)";
    const Folder folder;
    for (const auto& status : {healthy_status(), troubled_status(), Status{}}) {
        std::ofstream(folder.path() / "in") << metrics_text(status);
        const auto command = "promtool check metrics <" + (folder.path() / "in").string() + " >" +
                             (folder.path() / "out").string() + " 2>&1";
        const int code = std::system(command.c_str());
        std::ostringstream said;
        said << std::ifstream(folder.path() / "out").rdbuf();
        EXPECT_EQ(code, 0) << said.str();
        EXPECT_EQ(said.str(), "");
    }
}

TEST(Metrics, TheTextfileIsReplacedWholeAndReadableByOthers) {
    const Folder folder;
    const auto path = folder.path() / "miraclemax.prom";
    const auto mask = ::umask(077);
    write_textfile(path, troubled_status());
    write_textfile(path, healthy_status());
    ::umask(mask);
    struct stat is {};
    ASSERT_EQ(::stat(path.c_str(), &is), 0);
    EXPECT_EQ(is.st_mode & 07777U, 0644U);
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    EXPECT_EQ(text.str(), metrics_text(healthy_status()));
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

} // namespace
} // namespace miraclemax::telemetry
