#include "keyring.hpp"

#include "error.hpp"
#include "openpgp/encryption.hpp"

namespace miraclemax::openpgp {
namespace {

using namespace testing;

class SignatureCheckTest : public ::testing::Test {
protected:
    std::string sign(const std::string& key, const std::string& what = "--detach-sign") {
        Keyring::write(keys / "text", text);
        keys.gpg("--local-user " + key + " --output " + (keys / "sig").string() + " " + what + " " +
                 (keys / "text").string());
        return Keyring::content_of(keys / "sig");
    }
    Keyring keys;
    const std::string text = "what was signed\n";
};

TEST_F(SignatureCheckTest, TellsGoodBadAndUnknown) {
    const auto one = keys.make_key("one"), two = keys.make_key("two");
    const auto signature = sign(one);
    const Home home;
    import_keys(home, keys.public_key(two));
    const auto unknown = check_signature(home, text, signature);
    EXPECT_EQ(unknown.standing, Standing::unknown);
    EXPECT_EQ(unknown.signer, one);
    import_keys(home, keys.public_key(one));
    const auto good = check_signature(home, text, signature);
    EXPECT_EQ(good.standing, Standing::good);
    EXPECT_EQ(good.signer, one);
    EXPECT_EQ(check_signature(home, text + "more", signature).standing, Standing::bad);
    for (const auto& other : {std::string(), std::string("nonsense"), signature.substr(1),
                              signature.substr(0, signature.size() - 1), signature + "x",
                              signature + signature, sign(two) + signature, keys.public_key(one)})
        EXPECT_EQ(check_signature(home, text, other).standing, Standing::bad) << other.size();
}

// A message that brings its own text is a good signature of that text, not of ours.
TEST_F(SignatureCheckTest, AWholeSignedMessageIsNoDetachedSignature) {
    const auto key = keys.make_key("one");
    const Home home;
    import_keys(home, keys.public_key(key));
    for (const char* form : {"--sign", "--clearsign", "--armor --detach-sign"})
        EXPECT_EQ(check_signature(home, "other", sign(key, form)).standing, Standing::bad) << form;
    EXPECT_EQ(check_signature(home, text, sign(key, "--armor --detach-sign")).standing, Standing::bad);
}

TEST_F(SignatureCheckTest, RevokedIsBadAndExpiredIsNot) {
    const std::string then = "--faked-system-time 20200101T000000";
    const auto expired = keys.make_key("expired", false, then, "1d");
    const Home home;
    import_keys(home, keys.public_key(expired));
    const auto signature = sign(expired, then + " --detach-sign");
    EXPECT_EQ(check_signature(home, text, signature).standing, Standing::good);
    const auto revoked = keys.make_key("revoked", false);
    const auto before = sign(revoked);
    const auto revocation = Keyring::content_of(keys / ("h/openpgp-revocs.d/" + revoked + ".rev"));
    Keyring::write(keys / "rev", revocation.substr(revocation.find(":-----BEGIN") + 1));
    keys.gpg("--import " + (keys / "rev").string());
    import_keys(home, keys.public_key(revoked));
    const auto check = check_signature(home, text, before);
    EXPECT_EQ(check.standing, Standing::bad);
    EXPECT_NE(check.why.find("revoked"), std::string::npos) << check.why;
}

// gpg itself looks over some: in the length of a number, in what is not signed.
TEST_F(SignatureCheckTest, NoBitCanBeFlippedUnnoticed) {
    const auto key = keys.make_key("one");
    const auto signature = sign(key);
    const Home home;
    import_keys(home, keys.public_key(key));
    ASSERT_TRUE(is_plain_signature(signature, text));
    for (std::size_t byte = 0; byte < signature.size(); ++byte)
        for (unsigned bit = 0; bit < 8; ++bit) {
            auto flipped = signature;
            flipped[byte] = static_cast<char>(flipped[byte] ^ (1U << bit));
            // What the form does not show, gpg does: a few of each byte's are enough.
            if (is_plain_signature(flipped, text) && bit == byte % 8) {
                EXPECT_NE(check_signature(home, text, flipped).standing, Standing::good)
                    << byte << "." << bit;
            }
        }
}

TEST_F(SignatureCheckTest, KnowsTheFormOfOtherKeysToo) {
    keys.gpg("--passphrase '' --quick-gen-key rsa rsa2048 sign never");
    const auto signature = sign("rsa");
    EXPECT_TRUE(is_plain_signature(signature, text));
    EXPECT_EQ(static_cast<unsigned char>(signature[0]), 0x89);
    EXPECT_FALSE(is_plain_signature(std::string(), text));
    EXPECT_FALSE(is_plain_signature(signature.substr(0, 40), text));
    for (int i = 0; i < 20; ++i) { // numbers of other lengths
        std::filesystem::remove(keys / "sig");
        EXPECT_TRUE(is_plain_signature(sign("rsa"), text));
    }
}

TEST(SigningKeys, AreThoseOfTheHomeAndAreArmoredOnRequest) {
    const Keyring keys;
    const Home kept(keys / "k");
    EXPECT_TRUE(signing_keys(kept).empty());
    const auto key = ensure_signing_key(kept, "x");
    const auto foreign = keys.make_key("foreign");
    import_keys(kept, keys.public_key(foreign));
    EXPECT_EQ(signing_keys(kept), std::vector<std::string>{key});
    const auto armored = armored_key(kept, key);
    EXPECT_TRUE(armored.starts_with("-----BEGIN PGP PUBLIC KEY BLOCK-----\n"));
    const Home other;
    EXPECT_EQ(import_keys(other, armored), std::vector<std::string>{key});
    EXPECT_THROW(armored_key(kept, std::string(40, 'A')), Error);
}

// The agent of the home before is still ending when the next one looks for its keys.
TEST(SigningKeys, AreThereForWhoComesRightAfter) {
    const Keyring keys;
    std::string key;
    for (int round = 0; round < 25; ++round) {
        const Home kept(keys / "k");
        if (key.empty()) {
            key = ensure_signing_key(kept, "x");
        }
        ASSERT_EQ(signing_keys(kept), std::vector<std::string>{key}) << "in round " << round;
        ASSERT_NO_THROW(sign(kept, key, "text")) << "in round " << round;
    }
}

} // namespace
} // namespace miraclemax::openpgp
