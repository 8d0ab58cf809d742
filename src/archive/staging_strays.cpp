// The part of the staging folder that keeps what somebody else made: strays/1/NAME, or strays/2/NAME where
// there is one of that name already, and so on.
#include "archive/folder.hpp"
#include "archive/removal.hpp"
#include "archive/report.hpp"
#include "archive/staging_folder.hpp"
#include "stream/fault_point.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace miraclemax::archive {

using stream::Descriptor;
using stream::write_error;

namespace {

constexpr std::size_t most_told = 100;
constexpr std::size_t longest_names = std::size_t{1} << 30U;

} // namespace

void StagingFolder::move_astray(int from, const std::string& name) {
    MIRACLEMAX_FAULT_POINT("staging.stray");
    make_folder(folder_.get(), "strays");
    const Descriptor strays = required(folder_.get(), "strays");
    for (int number = 1;; ++number) {
        const std::string folder = std::to_string(number);
        make_folder(strays.get(), folder);
        const Descriptor place = required(strays.get(), folder);
        MIRACLEMAX_FAULT_POINT("staging.astray");
        const int error = rename_alone(from, place.get(), name, path());
        if (error == EEXIST)
            continue;
        if (error == EBUSY)
            throw Error(ExitCode::failed,
                        name + " appeared in " + ground_.path.string() +
                            " while it was being restored, and something is mounted on it",
                        "unmount it, and run miraclemax recover");
        if (error != 0)
            throw write_error("move " + name + " out of the way in", ground_.path, error);
        for (const int changed : {place.get(), strays.get(), folder_.get()})
            sync_open_folder(changed, path());
        MIRACLEMAX_FAULT_POINT("staging.strayed");
        return;
    }
}

// With one empty name more: no file, of an earlier version, is not the same as no names.
void StagingFolder::store_names() {
    Names names;
    if (const int error = names.list(slot(Slot::new_data).get()); error != 0)
        throw write_error("list", path() / "new", error);
    std::string content;
    for (std::size_t i = 0; i < names.size(); ++i)
        content.append(names[i]) += '\0';
    replace("names", content + '\0');
}

void StagingFolder::keep_strangers() {
    const std::string content = ground_.whole ? read("names", longest_names) : std::string();
    if (content.empty())
        return;
    std::vector<std::string_view> sealed;
    for (std::size_t begin = 0; begin < content.size(); begin += sealed.back().size() + 1)
        sealed.emplace_back(content.data() + begin);
    sealed.pop_back();
    const Descriptor place = slot(Slot::new_data);
    Names names;
    if (const int error = names.list(place.get()); error != 0)
        throw write_error("list", path() / "new", error);
    for (std::size_t i = 0; i < names.size(); ++i)
        if (!std::binary_search(sealed.begin(), sealed.end(), std::string_view(names[i])))
            move_astray(place.get(), names[i]);
}

std::vector<std::string> StagingFolder::strays() const {
    const Descriptor strays = open_within(folder_.get(), "strays");
    if (!strays && errno == ENOENT)
        return {};
    Names numbers;
    if (const int error = strays ? numbers.list(strays.get()) : errno; error != 0)
        throw write_error("list", path() / "strays", error);
    std::vector<std::string> all;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        Names names;
        const Descriptor place = open_within(strays.get(), numbers[i]);
        if (const int error = place ? names.list(place.get()) : errno; error != 0)
            throw write_error("list", path() / "strays" / numbers[i], error);
        for (std::size_t k = 0; k < names.size() && all.size() < most_told; ++k)
            all.push_back(json_text(ground_.name + "/strays/" + numbers[i] + "/" + names[k]));
    }
    return all;
}

std::vector<std::string> strays(const Site& site) {
    const auto stage = StagingFolder::open(site);
    return stage ? stage->strays() : std::vector<std::string>();
}

} // namespace miraclemax::archive
