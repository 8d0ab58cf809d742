#include "openpgp/key_pair.hpp"

#include "keyring.hpp"

#include "error.hpp"

namespace miraclemax::openpgp {
namespace {

using namespace testing;

// 2048 bits: made in no time. That 4096 is what people get is tested by the installation.
constexpr unsigned quick = 2048;

TEST(KeyPair, IsRsaThatNeverExpiresAndStockGpgUsesIt) {
    const auto pair = make_key_pair("miraclemax backup", "", quick);
    const Keyring operators;
    Keyring::write(operators / "private.asc", pair.private_key);
    operators.gpg("--import " + (operators / "private.asc").string());
    const auto listing = operators.gpg("--with-colons --list-secret-keys");
    EXPECT_NE(listing.find("sec:-:2048:1:"), std::string::npos) << listing;
    EXPECT_NE(listing.find("ssb:-:2048:1:"), std::string::npos) << listing;
    EXPECT_NE(listing.find(pair.fingerprint), std::string::npos);
    EXPECT_NE(listing.find("miraclemax backup"), std::string::npos);
    const Home home;
    EXPECT_EQ(import_keys(home, pair.public_key), std::vector<std::string>{pair.fingerprint});
    const auto state = inspect_keys(home, {pair.fingerprint}).at(0);
    EXPECT_EQ(state.fault, Fault::none);
    EXPECT_EQ(state.expires, std::nullopt);
    prove_key_pair(pair.public_key, pair.private_key, "");
}

TEST(KeyPair, ThePassphraseLocksThePrivateKey) {
    const auto pair = make_key_pair("locked", "right horse", quick);
    prove_key_pair(pair.public_key, pair.private_key, "right horse");
    try { // only one: the agent takes a second to stretch a passphrase
        prove_key_pair(pair.public_key, pair.private_key, "wrong horse");
        FAIL() << "opened by another passphrase";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::key);
    }
}

TEST(KeyPair, ProvingTakesNoOtherKey) {
    const auto one = make_key_pair("one", "", quick);
    const auto two = make_key_pair("two", "", quick);
    EXPECT_THROW(prove_key_pair(one.public_key, two.private_key, ""), Error);
    EXPECT_THROW(prove_key_pair(one.public_key, one.public_key, ""), Error);
    auto cut = one.private_key;
    cut.resize(cut.size() / 2);
    EXPECT_THROW(prove_key_pair(one.public_key, cut, ""), Error);
}

TEST(KeyPair, RefusesAPassphraseThatGpgWouldCut) {
    EXPECT_THROW(make_key_pair("two lines", "one\ntwo", quick), Error);
}

} // namespace
} // namespace miraclemax::openpgp
