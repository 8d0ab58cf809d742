#include "unit/openpgp/keyring.hpp"

#include "error.hpp"
#include "run/private_keys.hpp"
#include "stream/file.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace miraclemax::run {
namespace {

using openpgp::testing::Keyring;

class PrivateKeysTest : public testing::Test {
protected:
    PrivateKeysTest() { settings.private_keys = keys / "mounted"; }
    ~PrivateKeysTest() override { std::filesystem::remove_all(settings.private_keys); }
    // Made once: a passphrase takes gpg seconds.
    static void SetUpTestSuite() {
        made = std::make_unique<Keyring>();
        const auto& ring = *made;
        free = ring.make_key("free");
        Keyring::write(ring / "free.sec", ring.gpg("--armor --export-secret-keys " + free));
        ring.gpg("--pinentry-mode loopback --passphrase secret --quick-gen-key guarded ed25519 sign never");
        Keyring::write(ring / "guarded.sec",
                       ring.gpg("--pinentry-mode loopback --passphrase secret --export-secret-keys guarded"));
        Keyring::write(ring / "public.asc", ring.gpg("--armor --export " + free));
        Keyring::write(ring / "pass", "secret\n");
    }
    static void TearDownTestSuite() { made.reset(); }

    PrivateKeys load(std::vector<std::filesystem::path> files,
                     const std::filesystem::path& passphrase_file = {},
                     std::function<std::string(const std::string&)> ask = {}) {
        return load_private_keys(
            settings, {.files = std::move(files), .passphrase_file = passphrase_file, .ask = std::move(ask)});
    }
    std::string refused(std::vector<std::filesystem::path> files,
                        const std::filesystem::path& passphrase_file = {}) {
        try {
            load(std::move(files), passphrase_file);
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::key);
            EXPECT_FALSE(std::string(error.what()).find("secret\n") != std::string::npos);
            return error.what();
        }
        return "not refused";
    }
    static catalog::Archive archive(const std::string& encryption, std::vector<std::string> recipients = {}) {
        catalog::Archive made;
        made.encryption = encryption;
        made.recipients = std::move(recipients);
        return made;
    }

    static inline std::unique_ptr<Keyring> made;
    static inline std::string free;
    const Keyring& keys = *made;
    Settings settings;
};

TEST_F(PrivateKeysTest, NoneAreAlsoFine) {
    EXPECT_TRUE(load({}).keys.empty());
    std::filesystem::create_directory(settings.private_keys);
    EXPECT_TRUE(load({}).keys.empty());
    settings.passphrase = "configured";
    EXPECT_EQ(load({}).passphrase, "configured");
    EXPECT_TRUE(load({}).opens(archive("passphrase")));
    EXPECT_TRUE(load({}).opens(archive("none")));
    EXPECT_FALSE(load({}).opens(archive("openpgp", {free})));
}

TEST_F(PrivateKeysTest, AKeyWithoutPassphraseAsksNobody) {
    const auto loaded = load({keys / "free.sec"}, {}, [](const std::string&) -> std::string {
        ADD_FAILURE() << "asked";
        return "x";
    });
    EXPECT_EQ(loaded.key_passphrase, "");
    EXPECT_EQ(loaded.fingerprints, std::vector<std::string>{free});
    EXPECT_TRUE(loaded.opens(archive("openpgp", {std::string(40, 'A'), free})));
    EXPECT_FALSE(loaded.opens(archive("openpgp", {std::string(40, 'A')})));
    EXPECT_FALSE(loaded.opens(archive("passphrase")));
}

TEST_F(PrivateKeysTest, APassphraseComesFromItsFileOrIsAskedFor) {
    EXPECT_EQ(load({keys / "guarded.sec"}, keys / "pass").key_passphrase, "secret");
    std::string prompt;
    const auto asked = load({keys / "guarded.sec"}, {}, [&](const std::string& text) {
        prompt = text;
        return std::string("typed");
    });
    EXPECT_EQ(asked.key_passphrase, "typed");
    EXPECT_NE(prompt.find(asked.fingerprints.at(0)), std::string::npos);
    EXPECT_NE(refused({keys / "guarded.sec"}).find("has a passphrase"), std::string::npos);
    Keyring::write(keys / "bad", "two\nlines\n");
    EXPECT_NE(refused({keys / "guarded.sec"}, keys / "bad").find("one line"), std::string::npos);
    EXPECT_NE(refused({keys / "guarded.sec"}, keys / "none").find("none"), std::string::npos);
    EXPECT_EQ(load({}, keys / "pass").passphrase, "secret"); // no key: that of the archives
}

TEST_F(PrivateKeysTest, AFileThatHoldsNoPrivateKeyIsNamed) {
    Keyring::write(keys / "text", "nothing");
    for (const char* name : {"public.asc", "text", "missing"})
        EXPECT_NE(refused({keys / name}).find(name), std::string::npos) << name;
    std::filesystem::create_directory(keys / "empty");
    EXPECT_NE(refused({keys / "empty"}).find("empty"), std::string::npos);
}

TEST_F(PrivateKeysTest, AFolderStandsForThePrivateKeysInIt) {
    std::filesystem::create_directory(settings.private_keys);
    std::filesystem::copy(keys / "public.asc", settings.private_keys);
    EXPECT_NE(refused({}).find("public.asc"), std::string::npos);
    std::filesystem::copy(keys / "free.sec", settings.private_keys);
    EXPECT_EQ(load({}).fingerprints, std::vector<std::string>{free});
    std::filesystem::copy(keys / "guarded.sec", settings.private_keys);
    EXPECT_EQ(load({settings.private_keys}, keys / "pass").fingerprints.size(), 2U);
}

TEST_F(PrivateKeysTest, ADashIsStandardInput) {
    const int before = ::dup(STDIN_FILENO);
    const stream::Descriptor file(::open((keys / "free.sec").c_str(), O_RDONLY | O_CLOEXEC));
    ::dup2(file.get(), STDIN_FILENO);
    EXPECT_EQ(load({"-"}).fingerprints, std::vector<std::string>{free});
    ::dup2(before, STDIN_FILENO);
    ::close(before);
}

} // namespace
} // namespace miraclemax::run
