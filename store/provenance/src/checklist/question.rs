//! The questions of the form, in its order.

/// A question of the NeurIPS paper checklist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is what `text` says")]
pub enum Question {
    Claims,
    Limitations,
    Theory,
    Reproducibility,
    OpenAccess,
    Setting,
    Significance,
    Compute,
    Ethics,
    Impacts,
    Safeguards,
    Licenses,
    Assets,
    HumanSubjects,
    ReviewBoard,
    LanguageModels,
}

use Question as Q;

impl Question {
    /// All questions, in the order of the form.
    pub const ALL: [Question; 16] = [
        Q::Claims,
        Q::Limitations,
        Q::Theory,
        Q::Reproducibility,
        Q::OpenAccess,
        Q::Setting,
        Q::Significance,
        Q::Compute,
        Q::Ethics,
        Q::Impacts,
        Q::Safeguards,
        Q::Licenses,
        Q::Assets,
        Q::HumanSubjects,
        Q::ReviewBoard,
        Q::LanguageModels,
    ];

    /// Its heading in the form.
    pub fn title(self) -> &'static str {
        match self {
            Q::Claims => "Claims",
            Q::Limitations => "Limitations",
            Q::Theory => "Theory assumptions and proofs",
            Q::Reproducibility => "Experimental result reproducibility",
            Q::OpenAccess => "Open access to data and code",
            Q::Setting => "Experimental setting/details",
            Q::Significance => "Experiment statistical significance",
            Q::Compute => "Experiments compute resources",
            Q::Ethics => "Code of ethics",
            Q::Impacts => "Broader impacts",
            Q::Safeguards => "Safeguards",
            Q::Licenses => "Licenses for existing assets",
            Q::Assets => "New assets",
            Q::HumanSubjects => "Crowdsourcing and research with human subjects",
            Q::ReviewBoard => {
                "Institutional review board (IRB) approvals or equivalent for research with human subjects"
            }
            Q::LanguageModels => "Declaration of LLM usage",
        }
    }

    /// What it asks, in short.
    pub fn text(self) -> &'static str {
        match self {
            Q::Claims => {
                "Do the main claims in abstract and introduction reflect the contributions and scope?"
            }
            Q::Limitations => "Does the paper discuss the limitations of the work?",
            Q::Theory => {
                "Does each theoretical result come with its full assumptions and a complete proof?"
            }
            Q::Reproducibility => {
                "Is all disclosed that is needed to reproduce the main experimental results?"
            }
            Q::OpenAccess => {
                "Is there open access to data and code, with instructions to reproduce the results?"
            }
            Q::Setting => {
                "Are all training and test details given that are needed to understand the results?"
            }
            Q::Significance => {
                "Are error bars or other information on statistical significance reported?"
            }
            Q::Compute => {
                "Is there, for each experiment, sufficient information on compute resources?"
            }
            Q::Ethics => "Does the research conform with the NeurIPS code of ethics?",
            Q::Impacts => "Are potential positive and negative societal impacts discussed?",
            Q::Safeguards => {
                "Are safeguards described for the responsible release of what could be misused?"
            }
            Q::Licenses => {
                "Are creators of assets credited, and licences and terms named and respected?"
            }
            Q::Assets => "Are new assets documented, and is the documentation beside them?",
            Q::HumanSubjects => {
                "For research with human subjects: are instructions and compensation included?"
            }
            Q::ReviewBoard => "Are risks to human subjects described, and approvals stated?",
            Q::LanguageModels => {
                "Is the use of language models described where it is part of the core methods?"
            }
        }
    }
}
