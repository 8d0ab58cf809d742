#include "unit/catalog/restore_run.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

namespace miraclemax::catalog {
namespace {

namespace fs = std::filesystem;
using test::commands_of;
using test::content;
using test::put;
using testing::HasSubstr;
using testing::Not;

class RestoreText : public test::RestoreRun {
protected:
    static Manifest unsigned_manifest(std::vector<ComponentRecord> components) {
        Manifest manifest = test::sample_manifest();
        manifest.signer.clear();
        manifest.components = std::move(components);
        return manifest;
    }
    static ComponentRecord of_path(const fs::path& target) {
        ComponentRecord component = test::sample_component("files", "paths");
        component.source = {.kind = "path",
                            .path = target.string(),
                            .volume = {},
                            .driver = {},
                            .created_at = {},
                            .labels = {},
                            .options = {},
                            .uid = 999,
                            .gid = 998,
                            .mode = 02750};
        component.freeze.containers.clear();
        return component;
    }
    static void plain_zstd(ComponentRecord& component) {
        component.archive.compression = "zstd";
        component.archive.encryption = "none";
        component.archive.recipients.clear();
        const std::string stem = component.category + "/" + component.name;
        component.archive.file.path = stem + ".tar.zst";
        component.inventory.path = stem + ".mtree.zst";
    }
    // Owners, links of every kind, times, an attribute, and ACLs, on the root folder too.
    void make_live(const std::string& name) {
        const fs::path root = live() / name;
        put(root / "a folder/file", "content");
        put(root / "setuid", "x");
        fs::create_hard_link(root / "setuid", root / "a folder/twin");
        fs::create_symlink("a folder/file", root / "link");
        fs::create_symlink("/etc/hosts", root / "absolute");
        fs::create_directory(root / "empty");
        ASSERT_EQ(sh("cd live/" + name +
                     "; chown 1234:5678 'a folder'; chown -h 77:78 link; chmod 4711 setuid;"
                     "setfattr -n user.note -v hello 'a folder/file'; setfacl -m u:4321:r 'a folder/file';"
                     "chown 999:998 .; chmod 2750 .; setfattr -n user.root -v yes .; setfacl -d -m g:55:rx .;"
                     "touch -d '2001-02-03 04:05:06.123456789' empty; touch -d '1999-01-01 00:00:00.5' ."),
                  0)
            << content(said());
    }
};

TEST_F(RestoreText, BringsAnEncryptedPathBackToTheLetter) {
    const std::string key = make_key();
    make_live("files");
    const fs::path target = scratch / "it's $(touch pwned) `x`; a \"path\"";
    put(target / "old", "old content");
    ComponentRecord component = of_path(target);
    component.archive.recipients = {key};
    store(component, " | gzip", " | gpg --batch --trust-model always -r " + key + " --encrypt");
    ASSERT_EQ(restore(unsigned_manifest({component})), 0) << content(said()) << text;

    EXPECT_EQ(listing(target), listing(live() / "files"));
    EXPECT_FALSE(fs::exists(scratch / "pwned") || fs::exists(backup() / "pwned"));
    // What was there is moved aside, not mixed in and not lost.
    EXPECT_EQ(output("cat '" + quoted(target) + "'.before-*/old"), "old content");
    EXPECT_THAT(text, HasSubstr(key));
    EXPECT_THAT(text, HasSubstr("GNU tar"));
    EXPECT_THAT(text, HasSubstr("gpg --import"));
}

TEST_F(RestoreText, APassphraseNeedsNoMoreThanItself) {
    make_live("files");
    ComponentRecord component = of_path(scratch / "target");
    component.archive.encryption = "passphrase";
    component.archive.recipients.clear();
    store(component, " | gzip", " | gpg --batch --pinentry-mode loopback --passphrase secret --symmetric");
    put(home() / "gpg.conf", "batch\npinentry-mode loopback\npassphrase secret\n");
    ASSERT_EQ(restore(unsigned_manifest({component})), 0) << content(said());
    EXPECT_EQ(listing(scratch / "target"), listing(live() / "files"));
    EXPECT_THAT(text, HasSubstr("passphrase"));
}

TEST_F(RestoreText, MakesAMissingVolumeWithItsLabelsWhateverTheyHold) {
    make_live("web");
    ComponentRecord component = test::sample_component("web", "volumes");
    plain_zstd(component);
    const std::string hostile = "'; touch pwned; echo '$(touch pwned)`touch pwned`\\";
    component.source.labels = {
        {"plain", "yes"}, {"hostile", hostile}, {"lines", "one\n    touch pwned\ttwo"}, {"empty", ""}};
    component.freeze.containers = {{.name = "web-app", .id = {}, .how = "pause", .milliseconds = 3},
                                   {.name = "web-db", .id = {}, .how = "stop", .milliseconds = 3}};
    store(component, " | zstd -q", "");
    ASSERT_EQ(restore(unsigned_manifest({component})), 0) << content(said()) << text;

    EXPECT_EQ(listing(scratch / "volumes/web-data"), listing(live() / "web"));
    const std::string asked = content(log());
    EXPECT_THAT(asked, HasSubstr("[stop]\n[--ignore]\n[web-app]\n[web-db]\n"));
    EXPECT_THAT(asked, HasSubstr("[volume]\n[create]\n[--driver]\n[local]\n[--label]\n[empty=]\n"));
    EXPECT_THAT(asked, HasSubstr("[--label]\n[hostile=" + hostile + "]\n"));
    EXPECT_THAT(asked, HasSubstr("[--label]\n[lines=one\n    touch pwned\ttwo]\n"));
    EXPECT_THAT(asked, HasSubstr("[--label]\n[plain=yes]\n[web-data]\n"));
    EXPECT_EQ(output("find . -name pwned"), "");
    EXPECT_THAT(text, Not(HasSubstr("gpg --decrypt")));
}

TEST_F(RestoreText, AVolumeThatIsABindGoesToItsDevice) {
    make_live("web");
    ComponentRecord component = test::sample_component("web", "volumes");
    plain_zstd(component);
    component.source.options = {
        {"type", "none"}, {"o", "bind,rw"}, {"device", (scratch / "device").string()}};
    store(component, " | zstd -q", "");
    ASSERT_EQ(restore(unsigned_manifest({component})), 0) << content(said());
    EXPECT_EQ(listing(scratch / "device"), listing(live() / "web"));
    EXPECT_FALSE(fs::exists(scratch / "volumes"));
    EXPECT_THAT(content(log()), HasSubstr("[--opt]\n[o=bind,rw]\n[--opt]\n[type=none]\n"));
}

TEST_F(RestoreText, AVolumeThatOnlyPodmanCanMountIsMountedByPodman) {
    make_live("web");
    ComponentRecord component = test::sample_component("web", "volumes");
    plain_zstd(component);
    component.source.options = {{"type", "nfs"}, {"o", "addr=server,rw"}, {"device", ":/export"}};
    store(component, " | zstd -q", "");
    ASSERT_EQ(restore(unsigned_manifest({component})), 0) << content(said());
    EXPECT_EQ(listing(scratch / "volumes/web-data"), listing(live() / "web"));
    EXPECT_THAT(content(log()),
                HasSubstr("[volume]\n[mount]\n[web-data]\n[volume]\n[unmount]\n[web-data]\n"));
}

TEST_F(RestoreText, ASingleFileComesBackInItsPlace) {
    put(live() / "files", "new content");
    put(scratch / "etc/app.conf", "old content");
    ComponentRecord component = of_path(scratch / "etc/app.conf");
    component.source.mode = 0640;
    component.entries.entries = 1;
    component.entries.files = 1;
    plain_zstd(component);
    component.inventory.path.clear();
    component.report.path.clear();
    fs::create_directories(backup() / "paths");
    ASSERT_EQ(sh("cd live; tar -cf - files | zstd -q > " + (backup() / component.archive.file.path).string()),
              0);
    ASSERT_EQ(restore(unsigned_manifest({component})), 0) << content(said());
    EXPECT_EQ(content(scratch / "etc/app.conf"), "new content");
    EXPECT_EQ(content(scratch / "etc/app.conf.before"), "old content");
    EXPECT_EQ(output("stat -c '%u %g %a' etc/app.conf"), "999 998 640\n");
}

TEST_F(RestoreText, ADamagedArchiveStopsItBeforeAnythingIsTouched) {
    make_live("files");
    ComponentRecord component = of_path(scratch / "target");
    plain_zstd(component);
    put(scratch / "target/old", "x");
    store(component, " | zstd -q", "");
    const Manifest manifest = unsigned_manifest({component});
    ASSERT_EQ(restore(manifest), 0) << content(said());
    fs::remove_all(scratch / "target");
    put(scratch / "target/old", "x");
    std::ofstream(backup() / component.archive.file.path, std::ios::app) << "x";
    EXPECT_NE(sh(commands_of(text), backup()), 0);
    EXPECT_THAT(content(said()), HasSubstr("FAILED"));
    EXPECT_TRUE(fs::exists(scratch / "target/old"));
}

TEST_F(RestoreText, TheMostImportantComesFirst) {
    std::vector<ComponentRecord> components;
    for (const char* priority : {"low", "medium", "critical", "high"}) {
        components.push_back(test::sample_component(std::string("of-") + priority));
        components.back().priority = priority;
    }
    const std::string whole = restore_text(unsigned_manifest(components));
    std::size_t last = 0;
    for (const char* heading : {"1. of-critical", "2. of-high", "3. of-medium", "4. of-low"}) {
        const std::size_t at = whole.find(heading);
        ASSERT_NE(at, std::string::npos) << heading;
        EXPECT_GT(at, last);
        last = at;
    }
}

TEST_F(RestoreText, SaysWhatIsMissingAndWhoSigned) {
    Manifest manifest = test::sample_manifest();
    manifest.components[0].complete = false;
    manifest.components[0].freeze.consistent = false;
    const std::string whole = restore_text(manifest);
    EXPECT_THAT(
        whole,
        HasSubstr("NOT IN THIS BACKUP: mail: key has expired. The last good one is in 20251015_030000."));
    EXPECT_THAT(whole, HasSubstr("NOT WHOLE: 1 entries changed while they were read, 3 could not be read"));
    EXPECT_THAT(whole, HasSubstr("NOT OF ONE MOMENT"));
    EXPECT_THAT(whole, HasSubstr(manifest.signer));
    EXPECT_THAT(commands_of(whole), HasSubstr("gpg --verify manifest.json.sig manifest.json\n"));
    manifest.signer.clear();
    EXPECT_THAT(restore_text(manifest), HasSubstr("not signed"));
}

TEST_F(RestoreText, NoNameFromOutsideBecomesACommand) {
    const std::string hostile = "x\n    touch pwned\n    ";
    Manifest manifest = test::sample_manifest();
    manifest.host = manifest.tool = manifest.ended = manifest.signer = hostile;
    manifest.failed[0] = {.name = hostile, .reason = hostile, .remedy = hostile, .last_good = hostile};
    ComponentRecord& component = manifest.components[0];
    component.complete = component.freeze.consistent = false;
    component.source.path = component.source.volume = component.source.driver = hostile;
    component.freeze.group = component.report.path = hostile;
    component.freeze.containers[0].name = hostile;
    component.archive.recipients = {hostile};
    std::istringstream commands(commands_of(restore_text(manifest)));
    for (std::string line; std::getline(commands, line);) {
        EXPECT_FALSE(line.starts_with("touch")) << line;
    }
}

} // namespace
} // namespace miraclemax::catalog
