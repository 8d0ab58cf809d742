// Rehearsals one after the other, in one run of their own.
#pragma once

#include "run/execution.hpp"
#include "run/unpacking.hpp"

#include <optional>

namespace miraclemax::run {

// The run begins with the first rehearsal: what only examines needs neither podman nor the state folder's
// journal, which tells everybody that these workers are alive. Outside a container podman is never asked. One
// thread.
class Rehearsals {
public:
    explicit Rehearsals(std::function<const Context&()> context, std::string only = {})
        : context_(std::move(context)), only_(std::move(only)) {}

    // As rehearse().
    archive::Unpacked operator()(const PrivateKeys& keys, const catalog::ComponentRecord& record,
                                 const std::filesystem::path& backup, const worker::Unpacker::Told& progress);

private:
    std::function<const Context&()> context_;
    std::string only_;
    std::optional<Execution> execution_;
    Host host_{};
};

} // namespace miraclemax::run
