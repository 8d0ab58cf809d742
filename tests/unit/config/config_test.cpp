#include "config/config.hpp"

#include "config/options.hpp"
#include "unit/config/written_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

namespace miraclemax::config {
namespace {

using testing::HasSubstr;

using ConfigTest = WrittenConfig;

void expect_same(const Config& one, const Config& other) {
    EXPECT_EQ(one.instance, other.instance);
    EXPECT_EQ(one.socket, other.socket);
    EXPECT_EQ(one.backups, other.backups);
    EXPECT_EQ(one.state, other.state);
    EXPECT_EQ(one.hooks, other.hooks);
    EXPECT_EQ(one.compression, other.compression);
    EXPECT_EQ(one.level, other.level);
    EXPECT_EQ(one.threads, other.threads);
    EXPECT_EQ(one.recipients, other.recipients);
    EXPECT_EQ(one.key_files, other.key_files);
    EXPECT_EQ(one.passphrase, other.passphrase);
    EXPECT_EQ(one.encryption_default, other.encryption_default);
    EXPECT_EQ(one.signing, other.signing);
    EXPECT_EQ(one.signers, other.signers);
    EXPECT_EQ(one.private_keys, other.private_keys);
    EXPECT_EQ(one.trusted_xattrs, other.trusted_xattrs);
    EXPECT_EQ(one.worker, other.worker);
    EXPECT_EQ(one.worker_silence, other.worker_silence);
    EXPECT_EQ(one.keep_days, other.keep_days);
    EXPECT_EQ(one.suspicious_percent, other.suspicious_percent);
    EXPECT_EQ(one.settle_time, other.settle_time);
    EXPECT_EQ(one.health_patience, other.health_patience);
    EXPECT_EQ(one.plan_backup, other.plan_backup);
    EXPECT_EQ(one.plan_verify, other.plan_verify);
    EXPECT_EQ(one.jitter, other.jitter);
    EXPECT_EQ(one.catch_up, other.catch_up);
    EXPECT_EQ(one.http, other.http);
    EXPECT_EQ(one.http_address, other.http_address);
    EXPECT_EQ(one.http_port, other.http_port);
    EXPECT_EQ(one.textfile, other.textfile);
    EXPECT_EQ(one.components.size(), other.components.size());
}

TEST_F(ConfigTest, AnEmptyFileAndTheExampleAreTheDefaults) {
    Config standard;
    standard.key_files = {"/keys"};
    expect_same(load(""), standard);
    expect_same(load("podman:\ncomponents:\n"), standard);
    expect_same(load(example_config()), standard);
    for (const auto& option : options())
        EXPECT_THAT(example_config(), HasSubstr(option.variable()));
}

TEST_F(ConfigTest, TheExamplesComponentsLoadToo) {
    const auto text = std::regex_replace(
        std::regex_replace(example_config(), std::regex("(components|tiers): \\[\\]\n"), ""),
        std::regex("\n#(components:|tiers:|  )"), "\n$1");
    const auto config = load(text);
    ASSERT_EQ(config.components.size(), 2U);
    EXPECT_EQ(config.components[0].path, "/home/me/homeassistant-config");
    EXPECT_EQ(config.components[0].choice.exclude, (std::vector<std::string>{"*.log", "tts/"}));
    EXPECT_EQ(config.components[1].choice.max_freeze, "30s");
    ASSERT_EQ(config.tiers.size(), 1U);
    EXPECT_EQ(config.tiers[0].keep.days, 90U);
}

TEST_F(ConfigTest, EveryOptionIsRead) {
    const auto secret = write("secret", "open sesame\n");
    const auto config =
        load("instance: night\n"
             "podman: {socket: 'unix:///run/p.sock'}\n"
             "backup: {folder: /mnt//b/}\n"
             "state: {folder: /s}\n"
             "hooks: {folder: /h}\n"
             "compression: {kind: zstd, level: 19, threads: 3}\n"
             "encryption:\n  keys: /one.asc\n  default: required\n  passphrase_file: " +
             secret +
             "\nsigning: {enabled: False}\n"
             "worker: {trusted_xattrs: true, launcher: child, silence: 5m}\n"
             "retention: {days: 7, last: 3, hourly: 1, daily: 2, weekly: 4, monthly: 5, yearly: 6, "
             "suspicious_percent: 0}\n"
             "restore: {settle_time: 1s, health_patience: 9s}\n"
             "schedule: {backup: \"@hourly\", verify: \"off\", jitter: 10m, catch_up: false}\n"
             "http: {enabled: false, address: \"::1\", port: 80}\n"
             "metrics: {textfile: /m.prom}\n");
    EXPECT_EQ(config.file, (folder_ / "config.yml").string());
    EXPECT_EQ(config.instance, "night");
    EXPECT_EQ(config.socket, "/run/p.sock");
    EXPECT_EQ(config.backups, "/mnt/b");
    EXPECT_EQ(config.state, "/s");
    EXPECT_EQ(config.hooks, "/h");
    EXPECT_EQ(config.compression, "zstd");
    EXPECT_EQ(config.level, 19);
    EXPECT_EQ(config.threads, 3U);
    EXPECT_EQ(config.key_files, std::vector<std::string>{"/one.asc"});
    EXPECT_EQ(config.encryption_default, "required");
    EXPECT_EQ(config.passphrase, "open sesame");
    EXPECT_FALSE(config.signing);
    EXPECT_TRUE(config.trusted_xattrs);
    EXPECT_EQ(config.worker, "child");
    EXPECT_EQ(config.worker_silence, std::chrono::minutes(5));
    EXPECT_EQ(
        (std::vector{config.keep_days, config.keep_last, config.keep_hourly, config.keep_daily,
                     config.keep_weekly, config.keep_monthly, config.keep_yearly, config.suspicious_percent}),
        (std::vector<unsigned>{7, 3, 1, 2, 4, 5, 6, 0}));
    EXPECT_EQ(config.settle_time, std::chrono::seconds(1));
    EXPECT_EQ(config.health_patience, std::chrono::seconds(9));
    EXPECT_EQ(config.plan_backup, "@hourly");
    EXPECT_EQ(config.plan_verify, "off");
    EXPECT_EQ(config.jitter, std::chrono::minutes(10));
    EXPECT_FALSE(config.catch_up);
    EXPECT_FALSE(config.http);
    EXPECT_EQ(config.http_address, "::1");
    EXPECT_EQ(config.http_port, 80U);
    EXPECT_EQ(config.textfile, "/m.prom");
}

TEST_F(ConfigTest, TheEnvironmentWinsAndEmptyIsUnset) {
    const std::string one(40, 'a');
    variables_ = {{"MIRACLEMAX_BACKUP_FOLDER", "/env"},
                  {"MIRACLEMAX_STATE_FOLDER", ""},
                  {"MIRACLEMAX_ENCRYPTION_RECIPIENTS", one + " , 0x" + std::string(40, 'B')},
                  {"MIRACLEMAX_CONFIG", "/elsewhere"},
                  {"MIRACLEMAX_FAULT_POINT", "x"},
                  {"PATH", "/bin"}};
    // The file's value is replaced before it is judged.
    const auto config = load("backup: {folder: not-absolute}\nstate: {folder: /file}\n");
    EXPECT_EQ(config.backups, "/env");
    EXPECT_EQ(config.state, "/file");
    EXPECT_EQ(config.recipients, (std::vector<std::string>{std::string(40, 'A'), std::string(40, 'B')}));
}

TEST_F(ConfigTest, UnknownVariablesAreErrors) {
    variables_ = {{"MIRACLEMAX_BACKUP_FODLER", "/x"},
                  {"MIRACLEMAX_ENCRYPTION_PASSPHRASE", "hush"},
                  {"MIRACLEMAX_COMPRESSION_LEVEL", "fast"}};
    const auto text = problems("");
    EXPECT_THAT(
        text,
        HasSubstr("unknown variable MIRACLEMAX_BACKUP_FODLER; did you mean \"MIRACLEMAX_BACKUP_FOLDER\"?"));
    EXPECT_THAT(text, HasSubstr("MIRACLEMAX_ENCRYPTION_PASSPHRASE_FILE"));
    EXPECT_THAT(text, HasSubstr("MIRACLEMAX_COMPRESSION_LEVEL: compression.level is \"fast\""));
    EXPECT_THAT(text, testing::Not(HasSubstr("hush")));
}

TEST_F(ConfigTest, AllProblemsAtOnceEachWithItsLine) {
    const auto text = problems("instnce: a\n"
                               "backup:\n"
                               "  foldr: /b\n"
                               "  folder: relative\n"
                               "compression:\n"
                               "  level: 20\n"
                               "  kind: lzma\n"
                               "signing: {enabled: maybe}\n"
                               "worker: {silence: 0}\n"
                               "state: /s\n"
                               "encryption: {recipients: [ABCDEF]}\n"
                               "compression: {threads: 1}\n");
    for (const auto* part : {"config.yml line 1: unknown key \"instnce\"; did you mean \"instance\"?",
                             "config.yml line 3: unknown key \"foldr\" in backup; did you mean \"folder\"?",
                             "config.yml line 4: backup.folder is \"relative\": use an absolute path",
                             "config.yml line 6: compression.level is \"20\"",
                             "config.yml line 7: compression.kind is \"lzma\": use gzip",
                             "config.yml line 8: signing.enabled is \"maybe\": use true or false",
                             "config.yml line 9: worker.silence", "config.yml line 10: state is no section",
                             "config.yml line 11: encryption.recipients is \"ABCDEF\"",
                             "config.yml line 12: compression stands twice"})
        EXPECT_THAT(text, HasSubstr(part));
}

TEST_F(ConfigTest, DuplicateKeysAreErrorsAtEveryDepth) {
    EXPECT_THAT(problems("instance: a\ninstance: b\n"), HasSubstr("line 2: instance stands twice"));
    EXPECT_THAT(problems("backup:\n  folder: /a\n  folder: /b\n"),
                HasSubstr("line 3: backup.folder stands twice"));
    EXPECT_THAT(problems("components:\n- volume: a\n  max_freeze: 1\n  max-freeze: 2\n"),
                HasSubstr("line 4"));
    EXPECT_THAT(problems("components:\n- volume: a\n- volume: a\n"), HasSubstr("listed already"));
}

TEST_F(ConfigTest, WhatIsNoConfigurationIsAnError) {
    EXPECT_THAT(problems("a: [1\n"), HasSubstr("config.yml line"));
    EXPECT_NE(problems("just words"), "none");
    EXPECT_NE(problems("- a\n- b\n"), "none");
    EXPECT_NE(problems("instance: a\n---\ninstance: b\n"), "none");
    EXPECT_NE(problems("instance: [a]\n"), "none");
    EXPECT_NE(problems("instance: a/b\n"), "none");
    EXPECT_NE(problems("encryption: {keys: [[a]]}\n"), "none");
    const auto missing = (folder_ / "missing.yml").string();
    EXPECT_THROW((void)load_config(missing, [](const std::string&) { return std::nullopt; }, {}), Error);
}

TEST_F(ConfigTest, LevelsFitTheirKind) {
    EXPECT_THAT(problems("compression: {level: 12}\n"), HasSubstr("gzip has 0 to 9"));
    EXPECT_THAT(problems("compression: {kind: zstd, level: 0}\n"), HasSubstr("zstd has 1 to 19"));
    EXPECT_EQ(problems("compression: {kind: zstd, level: 12}\n"), "none");
}

TEST_F(ConfigTest, APassphraseComesFromAFileOfOneLine) {
    const auto with = [&](const std::string& content) {
        return problems("encryption: {passphrase_file: " + write("secret", content) + "}\n");
    };
    EXPECT_EQ(with("no newline"), "none");
    EXPECT_EQ(load("encryption: {passphrase_file: " + write("secret", " spaced \n") + "}\n").passphrase,
              " spaced ");
    EXPECT_THAT(with(""), HasSubstr("empty"));
    EXPECT_THAT(with("\n"), HasSubstr("empty"));
    const auto two = with("first\nsecond\n");
    EXPECT_THAT(two, HasSubstr("one line"));
    EXPECT_THAT(two, testing::Not(HasSubstr("second")));
    EXPECT_THAT(problems("encryption: {passphrase_file: /no/such/file}\n"), HasSubstr("can be read"));
    EXPECT_THAT(problems("encryption: {passphrase_file: " + folder_.string() + "}\n"),
                HasSubstr("can be read"));
    EXPECT_THAT(problems("encryption: {passphrase_file: " + write("secret", "x") + ", recipients: [" +
                         std::string(40, 'A') + "]}\n"),
                HasSubstr("both a passphrase and recipients"));
}

TEST_F(ConfigTest, ComponentsAreReadWithTheirWords) {
    variables_["HOME"] = "/home/me";
    const auto config = load("components:\n"
                             "  - path: ~/n8n-data\n"
                             "    component: n8n\n"
                             "    category: databases\n"
                             "    encryption: required\n"
                             "    priority: critical\n"
                             "  - volume: db\n"
                             "    backup: optional\n"
                             "    quiesce: stop\n"
                             "    group: g\n"
                             "    max_freeze: 90\n"
                             "    exclude: '*.log'\n");
    ASSERT_EQ(config.components.size(), 2U);
    const auto& path = config.components[0];
    EXPECT_EQ(path.path, "/home/me/n8n-data");
    EXPECT_EQ(path.choice.component, "n8n");
    EXPECT_EQ(path.choice.category, "databases");
    EXPECT_EQ(path.choice.encryption, "required");
    EXPECT_EQ(path.choice.priority, "critical");
    EXPECT_FALSE(path.choice.backup);
    EXPECT_THAT(path.where, testing::EndsWith("config.yml line 2"));
    const auto& volume = config.components[1];
    EXPECT_EQ(volume.volume, "db");
    EXPECT_EQ(volume.choice.backup, "optional");
    EXPECT_EQ(volume.choice.quiesce, "stop");
    EXPECT_EQ(volume.choice.group, "g");
    EXPECT_EQ(volume.choice.max_freeze, "90");
    EXPECT_EQ(volume.choice.exclude, std::vector<std::string>{"*.log"});
}

TEST_F(ConfigTest, AComponentHasRulesOfRetention) {
    const auto config = load("retention: {days: 5}\n"
                             "components:\n"
                             "  - volume: db\n"
                             "    keep: {days: 90, last: 1, hourly: 2, daily: 3, weekly: 4, monthly: 5}\n"
                             "  - volume: web\n"
                             "    keep:\n"
                             "      yearly: 0\n"
                             "  - volume: other\n");
    const auto& keep = config.components.at(0).keep;
    EXPECT_EQ((std::vector{keep.days, keep.last, keep.hourly, keep.daily, keep.weekly, keep.monthly}),
              (std::vector<std::optional<unsigned>>{90, 1, 2, 3, 4, 5}));
    EXPECT_FALSE(keep.yearly);
    EXPECT_EQ(config.components.at(1).keep.yearly, 0U);
    EXPECT_FALSE(config.components.at(1).keep.days);
    EXPECT_FALSE(config.components.at(2).keep.yearly);
    const auto text = problems("components:\n"
                               "  - volume: a\n"
                               "    keep:\n"
                               "      dayz: 3\n"
                               "      last: -1\n"
                               "      daily: many\n"
                               "      weekly: 1\n"
                               "      weekly: 2\n"
                               "      yearly:\n"
                               "      monthly: 100001\n"
                               "  - volume: b\n"
                               "    keep: 3\n"
                               "  - volume: c\n"
                               "    keep:\n");
    for (const auto* part : {"line 4: unknown key \"dayz\" in keep; did you mean \"days\"?",
                             "line 5: keep.last is no number: use a whole number from 0 to 100000",
                             "line 6: keep.daily is no number", "line 8: keep.weekly stands twice",
                             "line 9: keep.yearly is no number", "line 10: keep.monthly is no number",
                             "line 12: keep has the wrong form", "line 14: keep has the wrong form"})
        EXPECT_THAT(text, HasSubstr(part));
}

TEST_F(ConfigTest, TiersAreFoldersWithRulesOfTheirOwn) {
    const auto config = load("tiers:\n"
                             "  - name: nas\n"
                             "    folder: /mnt/nas/\n"
                             "    keep: {days: 90}\n"
                             "  - {name: usb, folder: /mnt/usb}\n");
    ASSERT_EQ(config.tiers.size(), 2U);
    EXPECT_EQ(config.tiers.at(0).name, "nas");
    EXPECT_EQ(config.tiers.at(0).folder, "/mnt/nas");
    EXPECT_EQ(config.tiers.at(0).keep.days, 90U);
    EXPECT_FALSE(config.tiers.at(1).keep.days);
    EXPECT_EQ(config.plan_replicate, "after-backup");
    EXPECT_EQ(load("tiers:\n").tiers.size(), 0U);
}

TEST_F(ConfigTest, WrongTiersAreToldByLine) {
    const auto text = problems("backup: {folder: /backups}\n"
                               "tiers:\n"
                               "  - name: local\n"
                               "    folder: nas\n"
                               "  - name: nas\n"
                               "    folder: /backups/nas\n"
                               "    keep: {dayz: 3}\n"
                               "    folders: /x\n"
                               "  - name: nas\n"
                               "    folder: /mnt/a\n"
                               "  - folder: /mnt/a/b\n"
                               "    folder: /mnt/c\n"
                               "  - name: whole\n"
                               "    folder: /\n"
                               "  - usb\n");
    for (const auto* part : {"line 3: name is \"local\"", "line 4: folder is \"nas\": use an absolute path",
                             "line 5: the folder of tier nas overlaps the backup folder /backups",
                             "line 7: unknown key \"dayz\"",
                             "line 8: unknown key \"folders\" of a tier; did you mean \"folder\"?",
                             "line 9: tier nas is listed already, at", "line 11: a tier has no name",
                             "overlaps that of tier nas", "line 12: folder stands twice in one tier",
                             "line 13: the folder of tier whole overlaps the backup folder",
                             "line 15: an entry of tiers has the wrong form"})
        EXPECT_THAT(text, HasSubstr(part));
    EXPECT_THAT(problems("tiers: 3\n"), HasSubstr("tiers is no list"));
}

// To restore from there.
TEST_F(ConfigTest, ByTheVariableTheBackupFolderMayBeATier) {
    const std::string yaml = "tiers: [{name: nas, folder: /mnt/nas}]\n";
    variables_["MIRACLEMAX_BACKUP_FOLDER"] = "/mnt/nas";
    EXPECT_EQ(load(yaml).backups, "/mnt/nas");
    variables_["MIRACLEMAX_BACKUP_FOLDER"] = "/mnt/nas/deeper";
    EXPECT_THAT(problems(yaml), HasSubstr("overlaps the backup folder"));
    variables_.clear();
    EXPECT_THAT(problems("backup: {folder: /mnt/nas}\n" + yaml), HasSubstr("overlaps the backup folder"));
    variables_["MIRACLEMAX_TIERS"] = "x";
    EXPECT_THAT(problems(""), HasSubstr("tiers can only be listed in the file"));
}

TEST_F(ConfigTest, WrongComponentsAreToldByLine) {
    const auto text = problems("components:\n"
                               "  - path: ~/n8n-data\n" // no HOME
                               "  - volume: a\n"
                               "    path: /a\n"
                               "  - component: x\n"
                               "  - volume: b\n"
                               "    quiesce: freeze\n"
                               "    prority: high\n"
                               "    exclude: {a: b}\n"
                               "  - word\n"
                               "  - path: relative\n"
                               "  - volume:\n");
    for (const auto* part :
         {"line 2: path is \"~/n8n-data\", and its \"~\" can't be expanded", "line 3: a component has both",
          "line 5: a component has neither", "line 7: quiesce is \"freeze\": use auto",
          "unknown key \"prority\" of a component; did you mean \"priority\"?",
          "line 9: exclude has the wrong form", "line 10: an entry of components has the wrong form",
          "line 11: path is \"relative\"", "line 12: volume has no value"})
        EXPECT_THAT(text, HasSubstr(part));
    EXPECT_THAT(problems("components: a\n"), HasSubstr("components is no list"));
}

TEST(Options, KeysAndVariablesAreUnique) {
    std::map<std::string, int> seen;
    for (const auto& option : options()) {
        EXPECT_EQ(seen[option.key]++, 0) << option.key;
        EXPECT_EQ(seen[option.variable()]++, 0) << option.variable();
    }
    EXPECT_EQ(options()[1].variable(), "MIRACLEMAX_PODMAN_SOCKET");
}

} // namespace
} // namespace miraclemax::config
