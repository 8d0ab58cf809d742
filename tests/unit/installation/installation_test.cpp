#include "scene.hpp"

#include "error.hpp"
#include "openpgp/decryption.hpp"
#include "openpgp/key_pair.hpp"
#include "openpgp/protection.hpp"

#include <algorithm>

namespace miraclemax::installation {
namespace {

using namespace testing;

const fs::path container = "/etc/containers/systemd/miraclemax.container";
const fs::path config = "/etc/miraclemax/config.yml";

class InstallationTest : public Scene {
protected:
    // As the host is after what was run.
    void settle() {
        host.socket_enabled = true;
        host.service_active = true;
        outside.ran.clear();
        said.clear();
    }
    [[nodiscard]] Task task_of(const fs::path& path) {
        const auto now = installation();
        for (const auto& task : now.tasks())
            if (task.step.path == path)
                return task;
        ADD_FAILURE() << "no task of " << path;
        return {};
    }
    // A public key of somebody, and its private half.
    openpgp::KeyPair pair() const { return openpgp::make_key_pair("somebody", "", 2048); }
};

TEST_F(InstallationTest, MakesFoldersFilesAndRunsTheCommandsInOrder) {
    install();
    EXPECT_EQ(outside.ran,
              (std::vector<std::string>{"systemctl enable --now podman.socket", "systemctl daemon-reload",
                                        "systemctl start miraclemax.service"}));
    for (const char* folder :
         {"/var/lib/miraclemax", "/etc/miraclemax", "/etc/miraclemax/keys", "/var/backups/miraclemax"})
        EXPECT_EQ(mode(folder), 0700U) << folder;
    EXPECT_EQ(mode("/etc/containers/systemd"), 0755U);
    EXPECT_EQ(mode(container), 0644U);
    EXPECT_EQ(mode(config), 0600U);
    EXPECT_EQ(mode("/var/lib/miraclemax/install.json"), 0600U);
    EXPECT_EQ(content(config), wish.example_config);
}

TEST_F(InstallationTest, ASecondTimeThereIsNothingToDo) {
    install();
    settle();
    const auto before = tree();
    const auto again = installation();
    EXPECT_TRUE(again.is_done());
    install();
    EXPECT_EQ(outside.ran, std::vector<std::string>{});
    EXPECT_EQ(tree(), before);
}

TEST_F(InstallationTest, UndoneEverythingIsAsItWas) {
    write("/etc/hosts", "127.0.0.1 localhost\n");
    fs::create_directories(real("/var/lib"));
    const auto before = tree();
    install();
    settle();
    EXPECT_TRUE(undo());
    EXPECT_EQ(outside.ran,
              (std::vector<std::string>{"systemctl stop miraclemax.service",
                                        "systemctl disable --now podman.socket", "systemctl daemon-reload"}));
    EXPECT_EQ(tree(), before);
}

TEST_F(InstallationTest, WhatWasThereBeforeIsNotUndone) {
    host.socket_enabled = true;
    fs::create_directories(real("/var/backups/miraclemax"));
    install();
    settle();
    EXPECT_TRUE(undo());
    EXPECT_EQ(std::count(outside.ran.begin(), outside.ran.end(), "systemctl disable --now podman.socket"), 0);
    EXPECT_TRUE(fs::exists(real("/var/backups/miraclemax")));
}

TEST_F(InstallationTest, BackupsKeysAndChangedFilesSurviveUninstalling) {
    install();
    write("/var/backups/miraclemax/20251016_030000/manifest.json", "{}");
    write("/etc/miraclemax/keys/mine.asc", "a key");
    write(config, "instance: mine\n");
    EXPECT_TRUE(undo());
    EXPECT_EQ(content("/var/backups/miraclemax/20251016_030000/manifest.json"), "{}");
    EXPECT_EQ(content("/etc/miraclemax/keys/mine.asc"), "a key");
    EXPECT_EQ(content(config), "instance: mine\n");
    EXPECT_FALSE(fs::exists(real(container)));
    EXPECT_NE(said.find("config.yml was changed: it stays"), std::string::npos) << said;
}

TEST_F(InstallationTest, AFailedUndoIsToldKeepsTheRecordAndCanBeRepeated) {
    install();
    outside.answers["systemctl disable --now podman.socket"] = {.code = 1, .said = "no such unit"};
    EXPECT_FALSE(undo());
    EXPECT_NE(said.find("ended with 1: no such unit"), std::string::npos) << said;
    EXPECT_FALSE(fs::exists(real(container))) << "the rest goes on";
    outside.answers.clear();
    EXPECT_TRUE(undo());
    EXPECT_FALSE(fs::exists(real("/var/lib/miraclemax")));
}

TEST_F(InstallationTest, AUserConfigurationStaysAndForeignUnitsAreRefused) {
    write(config, "instance: mine\n");
    EXPECT_EQ(task_of(config).due, Due::no);
    write(container, "[Container]\nImage=other\n");
    EXPECT_EQ(task_of(container).due, Due::refused);
    EXPECT_THROW(install(), Error);
    EXPECT_EQ(outside.ran, std::vector<std::string>{});
    EXPECT_EQ(content(container), "[Container]\nImage=other\n");
    fs::remove(real(container));
    install();
    EXPECT_EQ(content(config), "instance: mine\n");
    EXPECT_TRUE(undo());
    EXPECT_EQ(content(config), "instance: mine\n") << "it was never ours";
}

TEST_F(InstallationTest, OurOldUnitsAreReplacedAndTheSidecarStartedAnew) {
    install();
    settle();
    wish.image = "example.org/miraclemax:2";
    EXPECT_EQ(task_of(container).due, Due::yes);
    install();
    EXPECT_NE(content(container).find("Image=example.org/miraclemax:2\n"), std::string::npos);
    EXPECT_EQ(outside.ran,
              (std::vector<std::string>{"systemctl daemon-reload", "systemctl restart miraclemax.service"}));
    EXPECT_TRUE(undo());
    EXPECT_FALSE(fs::exists(real(container)));
}

TEST_F(InstallationTest, AUnitThatTheUserChangedStays) {
    install();
    settle();
    write(container, content(container) + "# mine\n");
    wish.image = "example.org/miraclemax:2";
    EXPECT_EQ(task_of(container).due, Due::left);
    EXPECT_TRUE(installation().is_done());
    EXPECT_TRUE(undo());
    EXPECT_NE(content(container).find("# mine"), std::string::npos);
}

TEST_F(InstallationTest, StoppedByAFailureItIsRepeatedAndUndoneWhole) {
    outside.answers["systemctl daemon-reload"] = {.code = 4, .said = "denied"};
    try {
        install();
        FAIL();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("systemctl daemon-reload ended with 4: denied"),
                  std::string::npos);
    }
    outside.answers.clear();
    host.socket_enabled = true;
    outside.ran.clear();
    install();
    EXPECT_EQ(outside.ran.back(), "systemctl start miraclemax.service");
    EXPECT_TRUE(undo());
    EXPECT_EQ(std::count(outside.ran.begin(), outside.ran.end(), "systemctl disable --now podman.socket"), 1);
    EXPECT_EQ(tree(), std::vector<std::string>{});
}

TEST_F(InstallationTest, AnotherWayIsRefusedUntilTheFirstIsUndone) {
    install();
    wish.way = Way::timer;
    try {
        install();
        FAIL();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("another way already: quadlet"), std::string::npos);
    }
}

TEST_F(InstallationTest, TakesAPublicKeyAndNoPrivateOne) {
    wish.without_key = false;
    const auto keys = pair();
    write("/mine.asc", keys.public_key);
    write("/secret.asc", keys.private_key);
    wish.key = root / "secret.asc";
    EXPECT_THROW(install(), Error);
    EXPECT_FALSE(fs::exists(real("/etc/miraclemax")));
    wish.key = root / "mine.asc";
    install();
    EXPECT_FALSE(installation().makes_key_pair());
    const openpgp::Home home;
    EXPECT_EQ(openpgp::import_keys(home, content("/etc/miraclemax/keys/mine.asc")),
              std::vector<std::string>{keys.fingerprint});
    settle();
    EXPECT_TRUE(installation().is_done());
    EXPECT_TRUE(undo());
    EXPECT_TRUE(fs::exists(real("/etc/miraclemax/keys/mine.asc")));
}

TEST_F(InstallationTest, MakesAPairAndHandsThePrivateHalfOut) {
    wish.without_key = false;
    EXPECT_EQ(wish.key_bits, 4096U);
    wish.key_bits = 2048; // made in no time
    ASSERT_TRUE(installation().makes_key_pair());
    const auto made = install("horse");
    EXPECT_EQ(made.private_key, wish.private_key_out);
    EXPECT_EQ(mode("/private.asc"), 0600U);
    const auto public_key = content("/etc/miraclemax/keys/miraclemax-backup.asc");
    { // carry_out has proven that it opens what is encrypted; here: that the passphrase got to it
        const openpgp::Home home;
        openpgp::import_private_keys(home, content("/private.asc"));
        EXPECT_TRUE(openpgp::needs_passphrase(home));
    }
    int status = 0;
    const auto shown = output_of("gpg --batch --homedir " + root.string() + " --with-colons --show-keys " +
                                     real("/etc/miraclemax/keys/miraclemax-backup.asc").string(),
                                 status);
    EXPECT_NE(shown.find("pub:-:2048:1:"), std::string::npos) << shown;
    EXPECT_NE(shown.find("sub:-:2048:1:"), std::string::npos) << shown;
    settle();
    EXPECT_TRUE(installation().is_done());
    EXPECT_TRUE(undo());
    EXPECT_TRUE(fs::exists(wish.private_key_out));
    EXPECT_NE(said.find(wish.private_key_out.string() + " is kept"), std::string::npos) << said;
    EXPECT_EQ(content("/etc/miraclemax/keys/miraclemax-backup.asc"), public_key);
}

TEST_F(InstallationTest, NeverWritesOverAPrivateKeyThatIsThere) {
    wish.without_key = false;
    write("/private.asc", "the only one");
    EXPECT_TRUE(installation().is_refused());
    EXPECT_THROW(install(), Error);
    EXPECT_EQ(content("/private.asc"), "the only one");
    wish.private_key_out = real("/etc/miraclemax/keys/private.asc");
    EXPECT_TRUE(installation().is_refused()) << "backups would refuse to run with it";
}

TEST_F(InstallationTest, ABrokenRecordIsNamed) {
    write("/var/lib/miraclemax/install.json", "{\"version\": 1");
    try {
        install();
        FAIL();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("install.json"), std::string::npos);
    }
}

} // namespace
} // namespace miraclemax::installation
