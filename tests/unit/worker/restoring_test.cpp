#include "restoring_bench.hpp"

#include <sys/stat.h>

namespace miraclemax::worker {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using namespace std::chrono_literals;

TEST_F(RestoringTest, ComparesAndStoresNothing) {
    const Person person;
    back_up_for(person);
    begin(false);
    const archive::Unpacked unpacked = finish();
    EXPECT_EQ(unpacked.entries, outcome.tally.entries);
    EXPECT_EQ(unpacked.files, 2U);
    EXPECT_EQ(unpacked.unpacked, 0U);
    EXPECT_TRUE(only_old_data());
    EXPECT_FALSE(fs::exists(staging()));
    unpacker.reset();
    decryptor.reset();
    EXPECT_TRUE(below(::getpid()).empty());
}

TEST_F(RestoringTest, StoresSwapsAndTheOldDataComesBack) {
    const Person person;
    back_up_for(person);
    ASSERT_EQ(::chmod((folder.path / "data").c_str(), 0751), 0);
    begin(true);
    std::uint64_t told = 0;
    const archive::Unpacked unpacked =
        unpacker->finish([&told](const archive::Unpacked& so_far) { told += 1 + so_far.entries; }, never);
    decryptor->finish(never);
    EXPECT_GT(told, 0U);
    EXPECT_EQ(unpacked.unpacked, outcome.tally.entries);
    EXPECT_FALSE(unpacked.withheld.any());
    EXPECT_TRUE(only_old_data()) << "before swap()";
    EXPECT_TRUE(fs::exists(staging()));
    EXPECT_TRUE(unpacker->swap(never).empty());
    unpacker.reset();
    EXPECT_TRUE(same_as_data());
    EXPECT_EQ(settle(Settling::settle), archive::Holds::new_data);
    settle(Settling::exchange);
    EXPECT_TRUE(only_old_data());
    settle(Settling::exchange);
    EXPECT_TRUE(same_as_data());
    settle(Settling::discard);
    EXPECT_FALSE(fs::exists(staging()));
    EXPECT_TRUE(same_as_data());
}

TEST_F(RestoringTest, OpensByAPassphrase) {
    job.passphrase = "open sesame, p\xc3\xa4ss";
    back_up();
    begin(true);
    finish();
    unpacker->swap(never);
    EXPECT_TRUE(same_as_data());
    decrypt_job.passphrase = "wrong";
    unpacker.reset();
    settle(Settling::discard);
    begin(true);
    EXPECT_EQ(failure_of([&] { decryptor->finish(never); }).code(), ExitCode::key);
}

TEST_F(RestoringTest, NeedsNoDecryptorForAPlainArchive) {
    for (const Compression kind : {Compression::none, Compression::gzip, Compression::zstd}) {
        job.component = name_of(kind); // other names for its files
        placement.local_path = folder.path / "data";
        job.compression = kind;
        back_up();
        begin_plain(true);
        EXPECT_EQ(finish().unpacked, outcome.tally.entries);
        unpacker->swap(never);
        unpacker.reset();
        EXPECT_TRUE(same_as_data()) << name_of(kind);
        settle(Settling::discard);
    }
}

TEST_F(RestoringTest, AWrongKeyIsSaidSoByTheDecryptor) {
    const Person person;
    const Person stranger;
    back_up_for(person);
    shell(stranger.gpg() + " --export-secret-keys > " + (folder.path / "secret").string());
    decrypt_job.keys = get(folder.path / "secret");
    begin(true);
    const Error error = failure_of([&] { decryptor->finish(never); });
    EXPECT_EQ(error.code(), ExitCode::key);
    EXPECT_THAT(error.what(), HasSubstr("no private key given opens it"));
    EXPECT_NE(failure_of([&] { unpacker->finish({}, never); }).code(), ExitCode::ok);
    unpacker.reset();
    EXPECT_FALSE(fs::exists(staging()));
    EXPECT_TRUE(only_old_data());
    decrypt_job.keys = "no key";
    begin(false);
    EXPECT_EQ(failure_of([&] { decryptor->finish(never); }).code(), ExitCode::key);
}

TEST_F(RestoringTest, ADamagedArchiveIsFoundAndNothingIsLeft) {
    const Person person;
    back_up_for(person);
    const std::string whole_archive = get(out(leaves.archive));
    const std::string whole_inventory = get(out(leaves.inventory));
    struct Damage {
        const char* what;
        std::string archive, inventory;
    };
    std::string flipped = whole_archive;
    flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 1);
    for (const Damage& damage :
         {Damage{"cut", whole_archive.substr(0, whole_archive.size() / 2), whole_inventory},
          Damage{"flipped", flipped, whole_inventory},
          Damage{"cut inventory", whole_archive, whole_inventory.substr(0, whole_inventory.size() - 9)},
          Damage{"swapped", whole_inventory, whole_archive}}) {
        put(out(leaves.archive), damage.archive);
        put(out(leaves.inventory), damage.inventory);
        begin(true);
        const Error unpacking = failure_of([&] { unpacker->finish({}, never); });
        const Error decrypting = failure_of([&] { decryptor->finish(never); });
        EXPECT_TRUE(unpacking.code() == ExitCode::damaged || decrypting.code() == ExitCode::damaged)
            << damage.what << ": " << unpacking.what() << "; " << decrypting.what();
        unpacker.reset();
        decryptor.reset();
        EXPECT_FALSE(fs::exists(staging())) << damage.what;
        EXPECT_TRUE(only_old_data()) << damage.what;
    }
}

TEST_F(RestoringTest, AFlippedBitInAPlainArchiveIsDamaged) {
    back_up();
    std::string bytes = get(out(leaves.archive));
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    put(out(leaves.archive), bytes);
    begin_plain(true);
    EXPECT_EQ(failure_of([&] { unpacker->finish({}, never); }).code(), ExitCode::damaged);
    unpacker.reset();
    EXPECT_FALSE(fs::exists(staging()));
}

TEST_F(RestoringTest, WithoutRoomNothingIsMade) {
    back_up();
    unpack_job.content = std::uint64_t{1} << 62U;
    begin_plain(true);
    const Error error = failure_of([&] { unpacker->finish({}, never); });
    EXPECT_EQ(error.code(), ExitCode::destination);
    EXPECT_THAT(error.what(), AllOf(HasSubstr("component n8n needs"), HasSubstr("free")));
    unpacker.reset();
    EXPECT_FALSE(fs::exists(staging()));
    unpack_job.content = 0;
    unpack_job.promise.entries = ~std::uint64_t{0};
    begin_plain(true);
    EXPECT_EQ(failure_of([&] { unpacker->finish({}, never); }).code(), ExitCode::destination);
}

TEST_F(RestoringTest, AnOldStagingFolderIsNotTouched) {
    back_up();
    fs::create_directory(staging());
    put(staging() / "kept", "x");
    begin_plain(true);
    EXPECT_EQ(failure_of([&] { unpacker->finish({}, never); }).code(), ExitCode::failed);
    unpacker.reset();
    EXPECT_TRUE(fs::exists(staging() / "kept"));
}

TEST_F(RestoringTest, MakesAFolderBeneathTheRootAlone) {
    placement.local_path = target();
    settle(Settling::make_folder, "deep/er/est");
    EXPECT_TRUE(fs::is_directory(target() / "deep/er/est"));
    EXPECT_EQ(fs::status(target() / "deep/er").permissions(), static_cast<fs::perms>(0755));
    settle(Settling::make_folder, "deep/er/est");
    fs::create_symlink(folder.path / "out", target() / "link");
    for (const char* bad : {"../out/x", "link/x", "/tmp/x", "deep/../../out/x", "old/x"}) {
        EXPECT_NE(failure_of([&] { settle(Settling::make_folder, bad); }).code(), ExitCode::ok) << bad;
    }
    EXPECT_TRUE(nothing_in_the_folder());
}

TEST_F(RestoringTest, ARootThatIsNotSeenIsAnError) {
    back_up();
    placement.local_path.clear();
    EXPECT_THAT(failure_of([&] { begin_plain(true); }).what(), HasSubstr("doesn't see its data"));
    begin_plain(false);
    EXPECT_EQ(finish().entries, outcome.tally.entries);
}

} // namespace
} // namespace miraclemax::worker
