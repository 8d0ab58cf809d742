#include "keyring.hpp"

#include "error.hpp"
#include "openpgp/encryption.hpp"

#include <thread>

namespace miraclemax::openpgp {
namespace {

using namespace testing;

KeyState inspect(const Home& home, const std::string& wanted) {
    return inspect_keys(home, {wanted}).at(0);
}

std::string lower(std::string text) {
    for (char& c : text) {
        c = static_cast<char>(std::tolower(c));
    }
    return text;
}

TEST(HomeTest, IsPrivateShortAndGoesAway) {
    std::filesystem::path path;
    {
        const Home home;
        path = home.path();
        EXPECT_LT(path.string().size(), 30U);
        EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms::owner_all);
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(HomeTest, RefusesAKeptPathTooLongForSockets) {
    EXPECT_THROW(Home(std::filesystem::path("/tmp") / std::string(90, 'x')), Error);
    EXPECT_THROW(Home("/tmp/mm-none/none"), Error);
}

TEST(ImportKeys, TakesArmoredAndBinaryFiles) {
    const Keyring keys;
    const std::string one = keys.make_key("one");
    const std::string two = keys.make_key("two");
    Keyring::write(keys / "one.asc", keys.gpg("--armor --export " + one));
    Keyring::write(keys / "two.gpg", keys.public_key(two));
    const Home home;
    const std::vector<std::filesystem::path> files = {keys / "one.asc", keys / "two.gpg", keys / "one.asc"};
    EXPECT_EQ(import_keys(home, files), (std::vector<std::string>{one, two}));
}

TEST(ImportKeys, RefusesPrivateKeysInEveryForm) {
    const Keyring keys;
    const std::string key = keys.make_key("one");
    const Home home;
    for (const std::string form : {"", "--armor "}) {
        Keyring::write(keys / "secret", keys.gpg(form + "--export-secret-keys " + key));
        const std::vector<std::filesystem::path> files = {keys / "secret"};
        try {
            import_keys(home, files);
            FAIL() << "no error";
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::key);
            EXPECT_NE(std::string(error.what()).find((keys / "secret").string()), std::string::npos);
            EXPECT_NE(error.remedy().find("gpg --export"), std::string::npos);
        }
        EXPECT_EQ(inspect(home, key).fault, Fault::missing);
    }
}

TEST(ImportKeys, NamesAFileThatHoldsNoKeyOrIsMissing) {
    const Keyring keys;
    const Home home;
    Keyring::write(keys / "text", "no key at all\n");
    Keyring::write(keys / "empty", "");
    for (const char* name : {"text", "empty", "missing"}) {
        const std::vector<std::filesystem::path> files = {keys / name};
        try {
            import_keys(home, files);
            ADD_FAILURE() << "no error for " << name;
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::key);
            EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << error.what();
        }
    }
}

TEST(ExportKeys, HandsTheKeysToAnotherHome) {
    const Keyring keys;
    const std::string one = keys.make_key("one");
    const std::string two = keys.make_key("two");
    const Home home;
    import_keys(home, keys.public_key(one) + keys.public_key(two));
    const Home other;
    EXPECT_EQ(import_keys(other, export_keys(home, {two, one})), (std::vector<std::string>{two, one}));
    EXPECT_THROW(export_keys(home, {one, std::string(40, 'B')}), Error);
}

TEST(InspectKeys, FindsAKeyByItsFullFingerprintOnly) {
    const Keyring keys;
    const std::string key = keys.make_key("Grace");
    const Home home;
    import_keys(home, keys.public_key(key));
    const std::string spaced = lower(key.substr(0, 4) + " " + key.substr(4, 16) + "  " + key.substr(20));
    const auto states = inspect_keys(home, {key, spaced, key.substr(24), "Grace", "", std::string(40, 'A')});
    ASSERT_EQ(states.size(), 6U);
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(states[i].fault, Fault::none);
        EXPECT_EQ(states[i].fingerprint, key);
        EXPECT_EQ(states[i].owner, "Grace");
        EXPECT_EQ(states[i].expires, std::nullopt);
    }
    EXPECT_EQ(states[1].wanted, spaced);
    for (int i = 2; i < 5; ++i) {
        EXPECT_EQ(states[i].fault, Fault::ambiguous);
    }
    EXPECT_EQ(states[5].fault, Fault::missing);
    EXPECT_TRUE(states[5].fingerprint.empty());
}

TEST(InspectKeys, SeesExpiryRevocationAndKeysThatOnlySign) {
    const Keyring keys;
    const std::string past = keys.make_key("past", true, "--faked-system-time 20200101T000000", "1d");
    const std::string future = keys.make_key("future", true, "", "2038-01-02");
    const std::string signer = keys.make_key("signer", false);
    const std::string revoked = keys.make_key("revoked");
    const std::string revocation = Keyring::content_of(keys / ("h/openpgp-revocs.d/" + revoked + ".rev"));
    const std::size_t begin = revocation.find(":-----BEGIN");
    ASSERT_NE(begin, std::string::npos);
    Keyring::write(keys / "rev", revocation.substr(begin + 1));
    keys.gpg("--import " + (keys / "rev").string());
    const Home home;
    for (const std::string& key : {past, future, signer, revoked}) {
        EXPECT_EQ(import_keys(home, keys.public_key(key)), std::vector<std::string>{key});
    }
    EXPECT_EQ(inspect(home, past).fault, Fault::expired);
    EXPECT_LT(inspect(home, past).expires.value(), std::chrono::system_clock::now());
    EXPECT_EQ(inspect(home, future).fault, Fault::none);
    const auto day = std::chrono::sys_days(std::chrono::year(2038) / 1 / 2);
    EXPECT_EQ(std::chrono::floor<std::chrono::days>(inspect(home, future).expires.value()), day);
    EXPECT_EQ(inspect(home, signer).fault, Fault::cannot_encrypt);
    EXPECT_EQ(inspect(home, revoked).fault, Fault::revoked);
}

TEST(InspectKeys, SeesThatOnlyTheEncryptionSubkeyExpired) {
    const Keyring keys;
    const std::string key = keys.make_key("one", false, "--faked-system-time 20200101T000000");
    keys.gpg("--faked-system-time 20200101T000100 --passphrase '' "
             "--quick-add-key " +
             key + " cv25519 encr 1d");
    const Home home;
    import_keys(home, keys.public_key(key));
    EXPECT_EQ(inspect(home, key).fault, Fault::expired);
    EXPECT_LT(inspect(home, key).expires.value(), std::chrono::system_clock::now());
    keys.gpg("--passphrase '' --quick-add-key " + key + " cv25519 encr never");
    import_keys(home, keys.public_key(key));
    EXPECT_EQ(inspect(home, key).fault, Fault::none);
    EXPECT_EQ(inspect(home, key).expires, std::nullopt);
}

// The signer of a good signature by a key in the home; nullopt when it is bad or unknown.
std::optional<std::string> verify(const Home& home, const std::string& bytes, const std::string& signature) {
    const auto check = check_signature(home, bytes, signature);
    return check.standing == Standing::good ? std::optional(check.signer) : std::nullopt;
}

TEST(Signing, IsVerifiedHereAndByStockGpgAndNoticesTampering) {
    const Keyring keys;
    std::string fingerprint;
    const std::string text = mixture(100000);
    std::string signature;
    {
        const Home kept(keys / "k");
        fingerprint = ensure_signing_key(kept, "host <1>");
        EXPECT_EQ(fingerprint.size(), 40U);
        EXPECT_EQ(ensure_signing_key(kept, "renamed"), fingerprint);
        signature = sign(kept, fingerprint, text);
        EXPECT_EQ(verify(kept, text, signature), fingerprint);
        EXPECT_EQ(inspect(kept, fingerprint).owner, "miraclemax host _1_");
        keys.gpg("--import " +
                 (Keyring::write(keys / "pub", export_keys(kept, {fingerprint})), (keys / "pub").string()));
    }
    EXPECT_TRUE(all_gone(keys / "k"));
    const Home again(keys / "k");
    EXPECT_EQ(ensure_signing_key(again, "host <1>"), fingerprint);
    std::string tampered = text;
    tampered[5000] ^= 1;
    EXPECT_EQ(verify(again, tampered, signature), std::nullopt);
    EXPECT_EQ(verify(again, text, signature.substr(0, 20)), std::nullopt);
    EXPECT_EQ(verify(again, text, ""), std::nullopt);
    EXPECT_EQ(verify(again, text, "nonsense"), std::nullopt);
    const Home stranger;
    EXPECT_EQ(verify(stranger, text, signature), std::nullopt);
    EXPECT_THROW(sign(stranger, fingerprint, text), Error);
    Keyring::write(keys / "text", text);
    Keyring::write(keys / "text.sig", signature);
    keys.gpg("--verify " + (keys / "text.sig").string() + " " + (keys / "text").string());
}

TEST(Signing, MakesOneKeyWhenTwoAskAtOnce) {
    const Keyring keys;
    const Home kept(keys / "k");
    std::string first;
    std::string second;
    std::thread other([&] { second = ensure_signing_key(kept, "x"); });
    first = ensure_signing_key(kept, "x");
    other.join();
    EXPECT_EQ(first, second);
}

} // namespace
} // namespace miraclemax::openpgp
