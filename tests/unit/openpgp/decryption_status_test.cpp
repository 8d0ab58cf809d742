#include "openpgp/decryption_status.hpp"

#include <gtest/gtest.h>

namespace miraclemax::openpgp {
namespace {

// What gpg 2.4.7 says of a message that no key opened, and why not: the code of libgpg-error.
Error verdict_of(const std::string& code) {
    DecryptionStatus status;
    status.take("ENC_TO", "AB14E259F56D5DBC 18 0");
    status.take("NO_SECKEY", "AB14E259F56D5DBC");
    status.take("ERROR", "pkdecrypt_failed " + code);
    status.take("BEGIN_DECRYPTION", "");
    status.take("DECRYPTION_FAILED", "");
    status.take("END_DECRYPTION", "");
    status.take("FAILURE", "gpg-exit 33554433");
    return status.verdict({});
}

TEST(DecryptionStatusTest, AKeyThatIsNotHereIsAsked) {
    const auto error = verdict_of("33554449"); // no secret key
    EXPECT_EQ(error.code(), ExitCode::key);
    EXPECT_NE(std::string(error.what()).find("AB14E259F56D5DBC"), std::string::npos);
}

TEST(DecryptionStatusTest, AMessageThatTheRightKeyDoesNotOpenIsDamaged) {
    EXPECT_EQ(verdict_of("16777226").code(), ExitCode::damaged); // of libgcrypt: checksum error
}

} // namespace
} // namespace miraclemax::openpgp
