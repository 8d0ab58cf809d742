#include "worker/remote_restoring.hpp"

namespace miraclemax::worker {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds no_grace{0};
// To remove what was staged, or to end what must not be left half done.
constexpr milliseconds grace{60'000};

std::vector<stream::Descriptor> in_order(Streams from, Streams to) {
    std::vector<stream::Descriptor> all;
    for (Streams* streams : {&from, &to}) {
        for (stream::Descriptor* one : {&streams->archive, &streams->inventory}) {
            if (*one)
                all.push_back(std::move(*one));
        }
    }
    return all;
}

void begin(Conversation& conversation, const Request& order, Streams from, Streams to) {
    const std::stop_token never;
    conversation.open(never);
    // Closed here as soon as they are there: else a pipe would never end.
    conversation.tell(order, in_order(std::move(from), std::move(to)));
}

} // namespace

RemoteDecryptor::RemoteDecryptor(DecryptOrder order, std::unique_ptr<WorkerProcess> process, Limits limits,
                                 Streams from, Streams to)
    : conversation_("the worker that decrypts component " + order.job.component, std::move(process), limits,
                    no_grace) {
    begin(conversation_, std::move(order), std::move(from), std::move(to));
}

void RemoteDecryptor::finish(const std::stop_token& stop) {
    conversation_.expect<Done>(conversation_.patiently("everything was decrypted", stop));
}

RemoteUnpacker::RemoteUnpacker(const UnpackOrder& order, std::unique_ptr<WorkerProcess> process,
                               Limits limits, Streams from)
    : conversation_("the worker that unpacks component " + order.job.promise.prefix, std::move(process),
                    limits, order.job.store ? grace : no_grace) {
    begin(conversation_, order, std::move(from), {});
}

archive::Unpacked RemoteUnpacker::finish(const Told& progress, const std::stop_token& stop) {
    auto wait = conversation_.patiently("everything was unpacked", stop);
    wait.progress = [&progress](const Reply& reply) {
        const auto* unpacking = std::get_if<Unpacking>(&reply);
        if (unpacking != nullptr && progress)
            progress(unpacking->so_far);
    };
    return conversation_.expect<archive::Unpacked>(wait);
}

std::vector<std::string> RemoteUnpacker::swap(const std::stop_token& stop) {
    conversation_.tell(Go{});
    auto swapped =
        conversation_.expect<Swapped>(conversation_.patiently("the new data was in its place", stop));
    keeps_old_ = swapped.keeps_old;
    return std::move(swapped.stayed);
}

RemoteSettler::RemoteSettler(const SettleOrder& order, std::unique_ptr<WorkerProcess> process, Limits limits)
    : conversation_("the worker that puts component " + order.job.component + " in order", std::move(process),
                    limits, grace) {
    begin(conversation_, order, {}, {});
}

archive::Holds RemoteSettler::finish(const std::stop_token& stop) {
    auto settled = conversation_.expect<Settled>(conversation_.patiently("it was in order", stop));
    space_ = settled.space;
    strays_ = std::move(settled.strays);
    return settled.holds;
}

} // namespace miraclemax::worker
