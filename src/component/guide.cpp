#include "component/discovery.hpp"

#include "component/labels.hpp"
#include "component/own.hpp"

namespace miraclemax::component {
namespace {

struct Use {
    std::string service;
    std::string destination;
};

std::optional<Use> use_of(const Facts& facts, const std::string& volume) {
    for (const auto& container : facts.containers) {
        if (is_worker(container, facts.containers, facts.self_id) || container.infra ||
            (facts.self_id && container.id == *facts.self_id))
            continue;
        for (const auto& mount : container.mounts)
            if (mount.type == "volume" && mount.name == volume) {
                const auto service = container.labels.find("com.docker.compose.service");
                return Use{.service = service == container.labels.end() ? container.name : service->second,
                           .destination = mount.destination};
            }
    }
    return std::nullopt;
}

std::string by_label(const std::string& volume, const Use& use) {
    return "Volume " + volume +
           " exists already, and podman fixes a volume's labels at its creation. So label the\n"
           "container that mounts it, in your compose file (then `podman-compose up -d` makes the container "
           "anew):\n"
           "  services:\n"
           "    " +
           use.service +
           ":\n"
           "      labels:\n"
           "        miraclemax.mounts: '[{\"dest\":\"" +
           use.destination + "\"}]'\n";
}

} // namespace

std::string guide(const Facts& facts) {
    const auto own = own_of(facts);
    std::vector<std::string> names;
    for (const auto& volume : facts.volumes)
        if (!volume.anonymous && !own.volumes.contains(volume.name))
            names.push_back(volume.name);

    std::string text;
    if (!names.empty()) {
        constexpr std::size_t shown = 10;
        text = "Volumes of this host:";
        for (std::size_t i = 0; i < names.size() && i < shown; ++i)
            text += (i == 0 ? " " : ", ") + names[i];
        text += names.size() > shown ? ", and " + std::to_string(names.size() - shown) + " more\n" : "\n";
        auto example = names.front();
        for (const auto& name : names)
            if (const auto use = use_of(facts, name)) {
                example = name;
                text += by_label(name, *use);
                break;
            }
        text += "Or name volumes that exist in miraclemax's configuration, /etc/miraclemax/config.yml:\n"
                "  components:\n"
                "    - volume: " +
                example + "\n";
    }
    text += "A volume that is yet to be created takes a label of its own:\n"
            "  volumes:\n"
            "    app-data:\n"
            "      labels:\n"
            "        miraclemax.backup: \"true\"\n"
            "`miraclemax plan` then shows what would be backed up, and why.\n";
    return text;
}

} // namespace miraclemax::component
