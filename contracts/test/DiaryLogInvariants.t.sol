// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DiaryLog} from "../DiaryLog.sol";
import {MODERATOR_ROLE, REGISTRAR_ROLE, Refusal} from "./Refusal.sol";
import {bound, vm} from "./Vm.sol";

/// @notice Acts on a log at random and keeps its own account of what must have happened.
/// @dev It foretells each answer of the log, to the byte, from this account alone. It asserts nothing itself:
/// a handler's revert would only be skipped.
contract Handler {
    /// @dev A batch that the log accepted, as it was handed in.
    struct Batch {
        bytes32 root;
        uint64 firstSeq;
        uint32 count;
        bool byRegistrar;
    }

    address internal constant ADMIN = address(0xAD);
    address internal constant KEEPER = address(0x4E6);

    DiaryLog public immutable log = new DiaryLog(ADMIN, KEEPER);

    /// @dev The people: the keeper, who stays registrar all along; the admin; a moderator; and three more.
    address[6] internal _people =
        [KEEPER, ADMIN, address(0x30D), address(0xA11CE), address(0xB0B), address(0xCA401)];

    /// @dev Who is registrar now.
    mapping(address account => bool) internal _registrars;

    Batch[] internal _batches;

    /// @notice The sum of the counts of the accepted batches.
    uint64 public recordCount;

    /// @notice How many batches the log refused.
    uint256 public refusals;

    /// @notice How many answers of the log were not as foretold.
    uint256 public surprises;

    constructor() {
        _registrars[KEEPER] = true;
        vm.prank(ADMIN);
        log.grantRole(MODERATOR_ROLE, _people[2]);
    }

    /// @notice A registrar appends a good batch.
    function appendGood(uint256 who, bytes32 root, uint256 count) external {
        address caller = _people[who % 6];
        if (!_registrars[caller]) caller = KEEPER;
        if (root == 0) root = keccak256("a root");
        _append(caller, root, recordCount, uint32(bound(count, 1, 1024)));
    }

    /// @notice Someone appends a batch that is good but, perhaps, for one thing.
    function appendFaulty(uint256 who, uint256 fault, bytes32 root, uint64 any) external {
        address caller = _people[who % 6];
        uint64 firstSeq = recordCount;
        uint32 count = uint32(bound(any, 1, 1024));
        // Fault 0 is none but, perhaps, the caller.
        fault %= 8;
        if (fault == 1) firstSeq = any;
        if (fault == 2) firstSeq += 1;
        if (fault == 3) count = 0;
        if (fault == 4) count = 1025;
        if (fault == 5) root = 0;
        if (fault == 6) caller = address(uint160(any));
        if (fault == 7 && _batches.length > 0) {
            // A batch that landed already, once more.
            Batch storage batch = _batches[any % _batches.length];
            (root, firstSeq, count) = (batch.root, batch.firstSeq, batch.count);
        }
        _append(caller, root, firstSeq, count);
    }

    /// @notice Anyone appends anything.
    function appendAnything(address caller, bytes32 root, uint64 firstSeq, uint32 count) external {
        _append(caller, root, firstSeq, count);
    }

    /// @notice The admin makes someone registrar, or stops them.
    function setRegistrar(uint256 who, bool registrar) external {
        address account = _people[1 + who % 5];
        vm.prank(ADMIN);
        if (registrar) log.grantRole(REGISTRAR_ROLE, account);
        else log.revokeRole(REGISTRAR_ROLE, account);
        _registrars[account] = registrar;
    }

    /// @notice How many batches the log accepted.
    function batchCount() external view returns (uint256) {
        return _batches.length;
    }

    /// @notice A batch that the log accepted.
    function batchAt(uint256 batch) external view returns (Batch memory) {
        return _batches[batch];
    }

    function _append(address caller, bytes32 root, uint64 firstSeq, uint32 count) private {
        bytes memory foretold = _refusal(caller, root, firstSeq, count);
        vm.prank(caller);
        try log.append(root, firstSeq, count) {
            if (foretold.length != 0) surprises++;
            _batches.push(Batch(root, firstSeq, count, _registrars[caller]));
            recordCount += count;
        } catch (bytes memory reason) {
            if (keccak256(reason) != keccak256(foretold)) surprises++;
            refusals++;
        }
    }

    /// @dev What the log must answer; nothing where it must accept.
    function _refusal(address caller, bytes32 root, uint64 firstSeq, uint32 count)
        private
        view
        returns (bytes memory)
    {
        if (!_registrars[caller]) return Refusal.unauthorized(caller, REGISTRAR_ROLE);
        if (firstSeq != recordCount) return Refusal.sequence(recordCount, firstSeq);
        if (count == 0 || count > 1024) return Refusal.size(count);
        if (root == 0) return Refusal.emptyRoot();
        return "";
    }
}

/// @notice What holds for a log whatever people do to it.
contract DiaryLogInvariants {
    Handler internal handler;
    DiaryLog internal log;

    function setUp() public {
        handler = new Handler();
        log = handler.log();
    }

    /// @notice forge calls the handler only.
    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// @notice After each run: batches did land and were refused, so the invariants were about something.
    function afterInvariant() public view {
        vm.assertGe(handler.batchCount(), 3, "too few batches landed");
        vm.assertGe(handler.refusals(), 3, "too few batches were refused");
    }

    function invariant_aRootNeverChanges() public view {
        vm.assertEq(log.batchCount(), handler.batchCount());
        for (uint256 i = 0; i < handler.batchCount(); i++) {
            vm.assertEq(log.rootOf(i), handler.batchAt(i).root);
        }
    }

    function invariant_recordCountIsTheSumOfCounts() public view {
        uint256 sum = 0;
        for (uint256 i = 0; i < handler.batchCount(); i++) sum += handler.batchAt(i).count;
        vm.assertEq(log.recordCount(), sum);
    }

    function invariant_batchesAreGapFree() public view {
        uint64 next = 0;
        for (uint256 i = 0; i < handler.batchCount(); i++) {
            Handler.Batch memory batch = handler.batchAt(i);
            vm.assertEq(batch.firstSeq, next);
            next += batch.count;
            vm.assertEq(log.batchOf(batch.firstSeq), i);
            vm.assertEq(log.batchOf(next - 1), i);
        }
        vm.assertEq(log.recordCount(), next);
    }

    function invariant_onlyRegistrarsAppend() public view {
        for (uint256 i = 0; i < handler.batchCount(); i++) vm.assertTrue(handler.batchAt(i).byRegistrar);
    }

    function invariant_eachAnswerIsAsForetold() public view {
        vm.assertEq(handler.surprises(), 0, "the log answered otherwise than foretold");
    }
}
