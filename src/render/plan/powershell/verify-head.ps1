[CmdletBinding()]
param(
    # The domain controller to ask; pairs of other domains are left for another run.
    [string] $Server,
    # Ask every domain controller of the domain: shows whether the changes have replicated.
    [switch] $EveryController
)
