[CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'High')]
param(
    # The domain controller to ask and to change; changes of other domains are left for another run.
    [string] $Server,
    # Which changes are taken back: everything, or only what was taken away after the tests.
    [ValidateSet('All', 'AfterTests')]
    [string] $Phase = 'All',
    # The file before-apply-*.json of the first run of apply.ps1: values that were there before stay.
    [string] $BeforeState,
    # Where the transcript and the state before go.
    [string] $LogFolder = (Join-Path $PSScriptRoot 'log')
)
