// One component's archive on its way: out of the backup, through a worker that decrypts and has no volume,
// into one that unpacks and has no key.
#pragma once

#include "run/context.hpp"
#include "run/private_keys.hpp"

#include "worker/restoring.hpp"

namespace miraclemax::run {

struct UnpackOrder {
    const catalog::ComponentRecord& record;
    std::filesystem::path backup; // the backup's folder
    bool store = false;           // false: only compare with the inventory
    bool emptied = false;         // with store: the place was emptied for it
    archive::UnpackOptions options{};
    archive::Site site{};          // with store; its root is the launcher's affair
    worker::Placement placement{}; // with store
};

// Whether the component is one file, and no folder.
[[nodiscard]] bool is_single_file(const catalog::ComponentRecord& record);

// The two workers of one component. Used by one thread. Throws Error: key, damaged, destination, interrupted
// …, the cause and not what followed from it.
class Unpacking {
public:
    Unpacking(const Context& context, const std::string& run, const Host& host, const PrivateKeys& keys,
              const UnpackOrder& order);
    ~Unpacking(); // unfinished: the workers end, the staging folder goes

    archive::Unpacked finish(const worker::Unpacker::Told& progress);
    std::vector<std::string> swap();                            // after finish(), with store
    [[nodiscard]] bool keeps_old() const { return keeps_old_; } // after swap(): is anything old aside

private:
    std::unique_ptr<worker::Decryptor> decryptor_; // none for a plain archive
    std::unique_ptr<worker::Unpacker> unpacker_;
    bool keeps_old_ = false;
    const Context& context_;
};

// Decrypts and reads everything, compares it with the inventory, stores nothing. `only`: a path that has to
// be there (else Error not_found), as a restore of it would need it; empty: none.
archive::Unpacked rehearse(const Context& context, const std::string& run, const Host& host,
                           const PrivateKeys& keys, const catalog::ComponentRecord& record,
                           const std::filesystem::path& backup, const worker::Unpacker::Told& progress,
                           const std::string& only = {});

} // namespace miraclemax::run
