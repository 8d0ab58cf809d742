#include "run/rehearsals.hpp"

namespace miraclemax::run {

archive::Unpacked Rehearsals::operator()(const PrivateKeys& keys, const catalog::ComponentRecord& record,
                                         const std::filesystem::path& backup,
                                         const worker::Unpacker::Told& progress) {
    const Context& context = context_();
    if (!execution_) {
        if (context.self_id) // else the workers are children, and nothing is asked of podman
            host_ = survey(context.engine, context.self_id);
        execution_.emplace(context);
    }
    return rehearse(context, execution_->run(), host_, keys, record, backup, progress, only_);
}

} // namespace miraclemax::run
