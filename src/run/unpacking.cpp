#include "run/unpacking.hpp"

#include "error.hpp"
#include "run/identity.hpp"
#include "run/restore_place.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <future>
#include <thread>

namespace miraclemax::run {
namespace {

stream::Descriptor opened(const std::filesystem::path& path) {
    stream::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file)
        throw Error(ExitCode::damaged, "can't open " + path.string() + ": " + std::strerror(errno),
                    "`miraclemax verify` tells what is wrong with this backup");
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    return file;
}

struct Pipe {
    stream::Descriptor out, in; // read from, write to
};

Pipe make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        throw Error(ExitCode::failed, std::string("can't make a pipe: ") + std::strerror(errno));
    ::fcntl(ends[0], F_SETPIPE_SZ, 1 << 20); // as much as the system allows; the default works too
    return {.out = stream::Descriptor(ends[0]), .in = stream::Descriptor(ends[1])};
}

archive::Promise promise_of(const catalog::ComponentRecord& record) {
    return {.prefix = record.name,
            .single = is_single_file(record),
            .entries = record.entries.entries,
            .files = record.entries.files,
            .tar_size = record.archive.tar_size,
            .tar_sha256 = record.archive.tar_sha256};
}

bool encrypted(const catalog::ComponentRecord& record) {
    return record.archive.encryption != "none";
}

} // namespace

// A folder's archive always begins with the folder itself, which is no file.
bool is_single_file(const catalog::ComponentRecord& record) {
    return record.entries.entries == 1 && record.entries.files == 1;
}

Unpacking::Unpacking(const Context& context, const std::string& run, const Host& host,
                     const PrivateKeys& keys, const UnpackOrder& order)
    : context_(context) {
    const auto& record = order.record;
    const worker::Placement nowhere{.run = run,
                                    .instance = identity(context.settings),
                                    .volume = {},
                                    .volume_created_at = {},
                                    .path = {},
                                    .local_path = {},
                                    .folder = {},
                                    .control = (context.settings.control() / run).string()};
    const auto compression = worker::compression_from(record.archive.compression);
    if (!compression)
        throw Error(ExitCode::damaged,
                    record.name + ": its compression is unknown: " + record.archive.compression);
    worker::Streams stored{.archive = opened(order.backup / record.archive.file.path),
                           .inventory = opened(order.backup / record.inventory.path)};
    std::future<std::unique_ptr<worker::Decryptor>> decrypting; // both are started side by side
    if (encrypted(record)) {
        if (!keys.opens(record.archive))
            throw Error(ExitCode::key, record.name + " is encrypted, and no private key is at hand",
                        "give it by --key FILE (`--key -` reads it from standard input)");
        Pipe archive = make_pipe(), inventory = make_pipe();
        worker::Streams plain{.archive = std::move(archive.in), .inventory = std::move(inventory.in)};
        decrypting = std::async(
            std::launch::async, [&, encrypted = std::move(stored), decrypted = std::move(plain)]() mutable {
                return restore_launcher(context.settings, context.engine, host, restore_kind(host))
                    ->decrypt({.component = record.name,
                               .keys = keys.keys,
                               .key_passphrase = keys.key_passphrase,
                               .passphrase = keys.passphrase},
                              nowhere, std::move(encrypted), std::move(decrypted));
            });
        stored = {.archive = std::move(archive.out), .inventory = std::move(inventory.out)};
    }
    const auto launcher =
        restore_launcher(context.settings, context.engine, host, order.store ? restore_kind(host) : "child");
    unpacker_ = launcher->unpack({.promise = promise_of(record),
                                  .compression = *compression,
                                  .store = order.store,
                                  .emptied = order.emptied,
                                  .options = order.options,
                                  .content = record.entries.bytes,
                                  .site = order.site},
                                 order.store ? order.placement : nowhere, std::move(stored));
    if (decrypting.valid())
        decryptor_ = decrypting.get();
}

Unpacking::~Unpacking() = default;

// Whichever of the two fails first makes the other fail: the decryptor's word tells more than "cut off".
archive::Unpacked Unpacking::finish(const worker::Unpacker::Told& progress) {
    if (!decryptor_)
        return unpacker_->finish(progress, context_.stop);
    std::optional<Error> decrypting;
    std::optional<Error> unpacking;
    archive::Unpacked unpacked;
    {
        const std::jthread other([&] {
            try {
                decryptor_->finish(context_.stop);
            } catch (const Error& error) {
                decrypting = error;
            } catch (const std::exception& error) {
                decrypting = Error(ExitCode::failed, error.what());
            }
            decryptor_.reset(); // its pipes close, if it was cut off
        });
        try {
            unpacked = unpacker_->finish(progress, context_.stop);
        } catch (const Error& error) {
            unpacking = error;
            unpacker_.reset();
        }
    }
    const auto says_why = [](const Error& error) {
        return error.code() == ExitCode::key || error.code() == ExitCode::damaged;
    };
    if (unpacking && (!decrypting || !says_why(*decrypting)))
        throw *unpacking;
    if (decrypting)
        throw *decrypting;
    return unpacked;
}

std::vector<std::string> Unpacking::swap() {
    auto left = unpacker_->swap(context_.stop);
    keeps_old_ = unpacker_->keeps_old();
    unpacker_.reset();
    return left;
}

archive::Unpacked rehearse(const Context& context, const std::string& run, const Host& host,
                           const PrivateKeys& keys, const catalog::ComponentRecord& record,
                           const std::filesystem::path& backup, const worker::Unpacker::Told& progress,
                           const std::string& only) {
    return Unpacking(
               context, run, host, keys,
               {.record = record, .backup = backup, .options = {.only = only}, .site = {}, .placement = {}})
        .finish(progress);
}

} // namespace miraclemax::run
